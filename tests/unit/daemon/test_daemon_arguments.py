from __future__ import annotations

import pytest

from mail_proxy.daemon.__main__ import main


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["myserver", "--serve"],
        ["--serve", "--port", "x"],
        ["myserver", "--ready-fd", "x"],
        ["myserver", "--ready-fd", "999"],
        ["myserver", "--reload"],
    ],
)
def test_wrong_words_are_refused_before_anything_runs(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)

    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err
