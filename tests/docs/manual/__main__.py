"""`python -m tests.docs.manual`: write everything that is made from the command line itself."""

from __future__ import annotations

from tests.docs.manual.everything import ROOT, everything, strays


def main() -> None:
    for path, text in everything().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in strays():
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
