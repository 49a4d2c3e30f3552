"""Keeps what LocalStack parses anew in each execution: the paths and the definition of its state machine.

For each path that it evaluates LocalStack builds the tables of a whole grammar, 15 ms of CPU; a job evaluates some
forty. In a burst of uploads that was half of what the emulator did, on CPUs that the tasks wait for.
"""

import functools
from typing import Any

from localstack.services.stepfunctions.asl.component.common.path import result_path
from localstack.services.stepfunctions.asl.parse import asl_parser
from localstack.services.stepfunctions.asl.utils import json_path

PATHS = 2048
DEFINITIONS = 8  # of some MB each


def install() -> None:
    """Put a cache before each parser.

    Raises:
        AttributeError: LocalStack has one of them no more.
    """
    json_path.parse = functools.lru_cache(PATHS)(json_path.parse)
    result_path.parse = functools.lru_cache(PATHS)(result_path.parse)
    _keep_syntax_trees()


def _keep_syntax_trees() -> None:
    """What an execution runs is made of its definition's syntax tree, and made anew: only the tree is shared."""
    original = asl_parser.AmazonStateLanguageParser.parse

    @functools.lru_cache(DEFINITIONS)
    def syntax_tree(definition: str) -> Any:
        return original(definition)[1]

    @functools.wraps(original)
    def parse(definition: str) -> tuple[Any, Any]:
        tree = syntax_tree(definition)
        return asl_parser.Preprocessor().visit(tree), tree

    asl_parser.AmazonStateLanguageParser.parse = staticmethod(parse)
