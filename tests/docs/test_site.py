"""The documentation as a site: every link of it leads somewhere, and every page is found."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site_and_another_page_leads_to_it(site: Path) -> None:
    pages = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name != "README.md"]
    told = {page: page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md")}
    nav = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in pages:
        name = page.relative_to(ROOT / "docs")
        assert (site / name.with_suffix("") / "index.html").is_file()
        others = [text for other, text in told.items() if other != page]
        assert name.as_posix() in nav or any(f"{page.name})" in text for text in others), name


def test_a_reader_without_a_network_can_read_it(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="(https?:[^"]*)"', text)
        loaded += re.findall(r'<link[^>]*rel="stylesheet"[^>]*href="(https?:[^"]*)"', text)
        assert loaded == [], page


def test_the_readme_is_short_and_has_one_picture() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) < 120
    assert text.count("![") == 1
