"""Speaks the prompts of asterisk-conf/sounds/prompts.yaml: `make prompts`.

Debian's speech synthesisers and sox do the work; LabError says which package is missing.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from acd.errors import LabError
from acd.lab.site import CONFIGURATION

SOUNDS = CONFIGURATION / "sounds"
SPEAK_TIMEOUT_S = 60.0
# The band of a telephone, the silence at both ends cut and a breath of it put back, one loudness for all.
EFFECTS: tuple[tuple[str, ...], ...] = (
    ("highpass", "120"),
    ("lowpass", "3600"),
    ("silence", "1", "0.01", "0.1%"),
    ("reverse",),
    ("silence", "1", "0.01", "0.1%"),
    ("pad", "0.25"),
    ("reverse",),
    ("pad", "0.1"),
    ("norm", "-4"),
    ("rate", "-h", "8000"),
)


@dataclass(frozen=True)
class Voice:
    """A synthesiser, its voice, and the Debian package that has it."""

    program: str
    voice: str
    package: str

    def command(self, text: Path, sound: Path) -> list[str]:
        """How to speak the file `text` into the file `sound`."""
        match self.program:
            case "festival":
                return ["text2wave", "-eval", f"(voice_{self.voice})", str(text), "-o", str(sound)]
            case "flite":
                return ["flite", "-voice", self.voice, "-f", str(text), "-o", str(sound)]
            case "espeak-ng":
                return ["espeak-ng", "-v", self.voice, "-s", "140", "-f", str(text), "-w", str(sound)]
        raise LabError(f"no such speech synthesiser is known here: {self.program}")


def speak(voice: Voice, text: str, target: Path) -> None:
    """Write `text`, spoken, to `target` as 8 kHz mono 16-bit WAV; LabError when it cannot be."""
    with tempfile.TemporaryDirectory() as work:
        written, spoken = Path(work) / "text", Path(work) / "spoken.wav"
        effects = [word for effect in EFFECTS for word in effect]
        written.write_text(text + "\n")
        _run(voice.command(written, spoken), voice.package)
        _run(["sox", "-D", str(spoken), "-c", "1", "-b", "16", str(target), *effects], "sox")


def _run(command: list[str], package: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=SPEAK_TIMEOUT_S)
    except FileNotFoundError:
        raise LabError(f"{command[0]} is missing: install {package}") from None
    except subprocess.CalledProcessError as error:
        raise LabError(f"{command[0]} failed: {error.stderr.decode(errors='replace').strip()}") from None


def make_prompts() -> int:
    """Speak every prompt in every language; how many files were written."""
    document = YAML(typ="safe").load(SOUNDS / "prompts.yaml")
    voices = {language: Voice(**fields) for language, fields in document["voices"].items()}
    count = 0
    for name, texts in document["prompts"].items():
        for language, text in texts.items():
            folder = SOUNDS / language / "acd"
            folder.mkdir(parents=True, exist_ok=True)
            speak(voices[language], text, folder / f"{name}.wav")
            count += 1
    return count


def main() -> None:
    """Make them all and say how many."""
    try:
        print(f"{make_prompts()} prompts spoken")
    except LabError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
