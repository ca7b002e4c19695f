"""Words that a file may use of its making: IPTC's digital source types, and known generators."""

import re

SOURCE_TYPES = frozenset(
    {
        "digitalCapture",
        "computationalCapture",
        "negativeFilm",
        "positiveFilm",
        "print",
        "minorHumanEdits",
        "humanEdits",
        "compositeCapture",
        "algorithmicallyEnhanced",
        "dataDrivenMedia",
        "digitalArt",
        "digitalCreation",
        "screenCapture",
        "virtualRecording",
        "composite",
        "compositeSynthetic",
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "algorithmicMedia",
        "softwareImage",
    }
)
"""IPTC NewsCodes "digitalsourcetype" (cv.iptc.org), as of 2025, retired codes included. Those that
end in `lgorithmicMedia` say that a machine made the picture, or a part of it."""

_CODES = {code.lower(): code for code in SOURCE_TYPES}

GENERATORS: tuple[tuple[str, str], ...] = (
    ("stable diffusion", "Stable Diffusion"),
    ("stable-diffusion", "Stable Diffusion"),
    ("automatic1111", "Stable Diffusion"),
    ("comfyui", "ComfyUI"),
    ("invokeai", "InvokeAI"),
    ("fooocus", "Fooocus"),
    ("novelai", "NovelAI"),
    ("midjourney", "Midjourney"),
    ("dall-e", "DALL-E"),
    ("dall·e", "DALL-E"),
    ("dalle", "DALL-E"),
    ("gpt-4o", "OpenAI"),
    ("gpt-image", "OpenAI"),
    ("openai", "OpenAI"),
    ("adobe firefly", "Adobe Firefly"),
    ("made with google ai", "Google AI"),
    ("ideogram", "Ideogram"),
    ("leonardo.ai", "Leonardo"),
    ("draw things", "Draw Things"),
    ("diffusionbee", "DiffusionBee"),
    ("flux.1", "FLUX"),
    ("black forest labs", "FLUX"),
    ("seedream", "Seedream"),
    ("grok", "Grok"),
)
"""Words that generators write of themselves, lower case, with the name that they go by. Whole words
only: a plain editor's name may begin like a generator's."""

_NAMED = [
    (re.compile(rf"(?<![a-z0-9]){re.escape(words)}(?![a-z0-9])"), name)
    for words, name in GENERATORS
]


def source_type(text: str) -> str | None:
    """The digital source type that a URI or code names; `None` for none that is known."""
    return _CODES.get(re.split(r"[/:#]", text.strip().rstrip("/"))[-1].lower())


def generator_named(text: str) -> str | None:
    """The generator that a field such as Software names."""
    lowered = text[:1024].lower()
    return next((name for words, name in _NAMED if words.search(lowered)), None)


def is_generated(code: str) -> bool:
    """Whether a digital source type says that a machine made the picture, or a part of it."""
    return code.lower().endswith("algorithmicmedia")
