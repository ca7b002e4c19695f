"""A passage that a list holds by its signature, and what people make of a passage on its way. All
of it is about a lighthouse: it stands for written material."""

LISTED_WRITING = (
    "The keeper of the old lighthouse climbs the hundred and twelve steps every evening, trims the "
    "wick, and writes the weather into a green book. On clear nights the beam is seen from three "
    "islands; in fog she rings the bell by hand, once a minute, until the morning boat has passed "
    "the outer rocks and the gulls come back to the wall."
)
COPIES = {
    "word for word": LISTED_WRITING,
    "in capitals, without stops": "".join(
        c for c in LISTED_WRITING.upper() if c.isalnum() or c == " "
    ),
    "with other spaces and accents": LISTED_WRITING.replace(" ", "  ").replace("e", "é"),
    "amid other words": (
        "I found this in the school library and typed it out for the club. "
        f"{LISTED_WRITING} Does anybody know who wrote it, or where the lighthouse is?"
    ),
    "with every tenth word another": " ".join(
        "something" if number % 10 == 4 else word
        for number, word in enumerate(LISTED_WRITING.split())
    ),
}
OTHER_WRITING = (
    "Our class went to see the lighthouse on the north shore. There are more than a hundred steps, "
    "and from the top one can count three islands on a clear day. The bell is rung only at noon "
    "now, for visitors, and the weather is written down by a machine in a small white box.",
    "The old keeper of the museum opens the doors every morning, sweeps the hall and writes the "
    "names of all visitors into a book, in green ink.",
)
"""On the same subject, by others."""
