"""The case browser of cases with two images and labels 111 and 353: each is looked at alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chromium import Chromium
from PIL import Image

from evaluate.cli import main
from tests import source_folders
from tests.harness.test_layouts_end_to_end import FILE, PROTOCOL, READ_OFF


@pytest.fixture
def page(tmp_path: Path, make_submission: Callable[[str, str], Path]) -> Path:
    """Of a team that reads off the left object alone."""
    source, data, run = (tmp_path / name for name in ("source", "data", "run"))
    protocol = tmp_path / "several.toml"
    files = [FILE.format(path=f"{{case}}_000{n}.nii.gz", channel=n) for n in range(2)]
    protocol.write_text(PROTOCOL.format(files="".join(files)), encoding="utf-8")
    source_folders.nnunet(source)
    left = READ_OFF.replace("values > 900, ", "values == 1111, ")
    submission = make_submission("left", left)
    commands = (
        ["manifest", "build", "--layout", "nnunet", source, data],
        [
            *("run", "--manifest", data / "manifest.json", "--protocol", protocol),
            *(f"--submission=left={submission}", "--sandbox", "local", run),
        ],
        *([command, run] for command in ("score", "rank", "report")),
    )
    for command in commands:
        assert main([str(word) for word in command]) == 0
    return run / "report" / "cases.html"


def test_a_channel_and_a_label_are_chosen_by_name(page: Path, browser: Chromium) -> None:
    folder = page.parent / "cases" / "0"
    red = [
        int((np.asarray(Image.open(folder / f"{name}.png").convert("RGB"))[..., channel] > 0).sum())
        for name, channel in (("0", 2), ("0-1", 2), ("0-2", 2), ("0-2", 0))
    ]
    assert red[0] == red[2] > 0  # false negatives: the right object, whole
    assert red[1] == red[3] == 0
    browser.open(page, width=1200)
    options = "[...document.getElementById('{}').options].map((o) => o.textContent)"
    assert browser.run(options.format("channel")) == ["T1", "FLAIR"]
    assert browser.run(options.format("region")) == ["all", "left (111)", "right (353)"]

    def choose(control: str, index: int) -> None:
        browser.run(
            f"(() => {{ const s = document.getElementById('{control}'); s.value = {index};"
            " s.dispatchEvent(new Event('change')); })()"
        )

    def sources() -> list[str]:
        return browser.run(
            "[...document.querySelectorAll('.frame img')].map((i) => i.getAttribute('src'))"
        )

    facts = "document.getElementById('panels').textContent"
    assert "DSC 0.500" in browser.run(facts)
    choose("channel", 1)
    choose("region", 1)
    assert "cases/0/image-1.webp" in sources()
    assert "cases/0/image.webp" not in sources()
    assert {"cases/0/reference-1.png", "cases/0/0-1.png"} <= set(sources())
    assert "DSC 1.000" in browser.run(facts)
    choose("region", 2)
    assert "DSC 0.000" in browser.run(facts)
    assert "cases/0/0-2.png" in sources()
    browser.run("document.getElementById('next').click()")
    assert {"cases/1/image-1.webp", "cases/1/reference-2.png"} <= set(sources())
    browser.run(
        "(() => { const s = document.getElementById('brightness'); s.value = 150;"
        " s.dispatchEvent(new Event('input')); })()"
    )
    shown = browser.run("document.querySelector('.ground img').style.filter")
    assert shown == "brightness(150%) contrast(100%)"
    assert browser.complaints() == []
