"""The pages of the site. `make site`, which CI runs beside the linters, builds it."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine import evidence, plugins, testing
from policy_engine import policy as author
from tests.pages import DOCS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def website() -> Iterator[Any]:
    """The script, with those beside it."""
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module("website")
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def pages(website: Any) -> dict[str, str]:
    made: dict[str, str] = website.pages()
    return made


def test_every_policy_has_a_page_with_its_settings(pages: dict[str, str]) -> None:
    for name, offered in plugins.load_plugins().policies.items():
        page = pages[f"reference/policies/{name}.md"]
        assert page.startswith(f"# {name}\n")
        assert [f for f in offered.policy.model_fields if f"| `{f}` |" not in page] == []


@pytest.mark.parametrize("module", [author, evidence, testing], ids=lambda module: module.__name__)
def test_every_public_name_has_a_section_that_says_what_it_is(
    module: Any, pages: dict[str, str]
) -> None:
    sections = pages[f"api/{module.__name__}.md"].split("\n## ")[1:]
    said = {section.partition("\n")[0]: section.partition("\n")[2].strip() for section in sections}
    assert set(said) == set(module.__all__)
    assert [name for name, text in said.items() if len(text) < len("`A` of B.")] == []


def test_a_docstring_becomes_prose_and_lists(pages: dict[str, str]) -> None:
    section = pages["api/policy_engine.testing.md"].partition("\n## bind\n")[2]
    assert (
        section.partition("\n## ")[0]
        == """
```python
def bind(policy: type[P], **settings: Any) -> P
```

Return the policy with settings as a policy file writes them (`max_size="200MB"`).

**Raises**

- `pydantic.ValidationError`: If a setting is wrong.
"""
    )


def test_every_page_stands_in_the_table_of_contents_once(
    website: Any, pages: dict[str, str]
) -> None:
    listed = ["index.md"]
    for section in website.order(pages)[1:]:
        listed += [
            path for entries in section.values() for each in entries for path in each.values()
        ]
    assert sorted(listed) == sorted(pages)


def test_a_link_to_a_policy_leads_to_its_page(website: Any) -> None:
    said = (
        "see [it](../reference/policies.md#model-size-budget) and [security](../../SECURITY.md#x)"
    )
    assert website.moved(said, "docs/how-to/waive.md", "how-to/waive.md") == (
        "see [it](../reference/policies/model-size-budget.md) and [security](../security.md#x)"
    )


def test_a_link_to_what_the_site_has_not_stops_the_build(website: Any) -> None:
    with pytest.raises(ValueError, match="no Makefile") as caught:
        website.moved("[make](../../Makefile)", "docs/how-to/waive.md", "how-to/waive.md")
    assert str(caught.value) == (
        "docs/how-to/waive.md: the site has no Makefile; link a page, or add it to docs/website.py"
    )


def test_a_block_in_a_numbered_point_stays_in_it(website: Any) -> None:
    said = "1. First\n\n   ```yaml plugin\n   a: 1\n   ```\n\n   More.\n2. Second\n\nProse\n"
    assert website.moved(said, "docs/how-to/waive.md", "how-to/waive.md") == (
        "1. First\n\n    ```yaml\n    a: 1\n    ```\n\n    More.\n2. Second\n\nProse\n"
    )
