"""The README says what the code does."""

import json
import re

from scripts.readme import README, with_generated_parts
from worker.watermark import ImageOverlay, TextOverlay, validate


def test_the_generated_parts_are_up_to_date() -> None:
    text = README.read_text()
    assert with_generated_parts(text) == text, "run: python -m scripts.readme"


def test_every_error_of_the_state_machine_is_explained() -> None:
    template = (README.parent / "infra" / "template.yaml").read_text()
    codes = set(re.findall(r"^ +code: ([A-Z_]+)$", template, re.MULTILINE))
    assert len(codes) > 3
    assert {code for code in codes if f"`{code}`" not in README.read_text()} == set()


def test_every_setting_of_a_watermark_is_there_with_its_default() -> None:
    tables = re.findall(
        r"^\| setting of (an image|a text|both) .+\n\|.+\n((?:\|.+\n)+)", README.read_text(), re.MULTILINE
    )
    written = {kind: re.findall(r"^\| `(\w+)` \| (?:`(.+?)`|–) \| .+ \|$", rows, re.MULTILINE) for kind, rows in tables}
    for kind, model, bare in (
        ("an image", ImageOverlay, {"image": "a.png"}),
        ("a text", TextOverlay, {"text": "a"}),
    ):
        rows = [*written[kind], *written["both"]]
        assert {name for name, _ in rows} == set(model.model_fields)
        defaults = {name: json.loads(default) for name, default in rows if default}
        assert set(defaults) == {name for name, field in model.model_fields.items() if not field.is_required()}
        assert validate({"overlays": [bare | defaults]}, "a.json") == validate({"overlays": [bare]}, "a.json")


def test_the_example_of_a_watermark_is_one() -> None:
    [example] = re.findall(r"^```json\n(\{\"overlays\".+?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(validate(json.loads(example), "README.md").overlays) == 3


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text())
    named += re.findall(r"`((?:scripts|infra|docs)/[\w./-]+)`", README.read_text())
    missing = {name for name in named if not (README.parent / name).exists()}
    assert not missing
