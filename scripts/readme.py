"""Write the parts of README.md that are made from the code: python -m scripts.readme."""

import re
from pathlib import Path

from videobatch.errors import exit_code_table
from worker.errors import markdown_table

README = Path(__file__).resolve().parent.parent / "README.md"


def with_generated_parts(text: str) -> str:
    """The README's text with everything between its markers made anew."""
    with_errors = replace_between_markers(text, "errors", markdown_table())
    return replace_between_markers(with_errors, "exit codes", exit_code_table())


def replace_between_markers(text: str, name: str, content: str) -> str:
    """The text with ``content`` between the markers of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    made, count = re.subn(f"{begin}.*?{end}", lambda _: f"{begin}\n{content}\n{end}", text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"the text must have the markers {begin} and {end} exactly once")
    return made


if __name__ == "__main__":
    README.write_text(with_generated_parts(README.read_text()))
