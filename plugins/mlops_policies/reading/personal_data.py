"""How personal data shows: in the words of a column's name, and in the form of a text.

Nothing here returns a value that it looked at; it only says which kind the value looks like.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal, get_args

from mlops_policies.reading.column_words import is_about

Kind = Literal["email", "phone", "ssn", "iban", "passport", "dob", "ip", "name", "address", "card"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_WORDS: dict[Kind, str] = {
    "email": "email|emails|e mail|emailaddress",
    "phone": "phone|phones|telephone|cellphone|phonenumber|msisdn",
    "ssn": "ssn|social security",
    "iban": "iban",
    "passport": "passport",
    "dob": "dob|date of birth|birth date|birthdate|birthday|dateofbirth",
    "ip": "ip|ipv|ipaddress",
    "name": "first name|firstname|last name|lastname|full name|fullname|surname|forename|"
    "given name|family name|middle name|maiden name|user name|username|nickname|screen name|"
    "login name|customer name|client name|patient name|person name|employee name|contact name|"
    "passenger name|cardholder name|holder name|applicant name|borrower name|student name",
    "address": "address|addresses|addr|streetaddress|homeaddress|postaladdress",
    "card": "card|cards|creditcard|cardnumber",
}
"""What a name must hold as whole words, one behind the other; figures behind a word do not count.

`name` alone is the name of anything; `address1` is an address. Words around them may say that the
column only counts, types, rates or flags the datum: `card_type` holds no card.
"""
_PHRASES = {
    kind: tuple(tuple(phrase.split()) for phrase in phrases.split("|"))
    for kind, phrases in _WORDS.items()
}

_TRANSFORMER = re.compile(r"^[A-Za-z]+__")
"""What scikit-learn's ColumnTransformer writes before a name: `num__email`."""
_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def kind_of_name(name: str, kinds: Collection[Kind]) -> Kind | None:
    """Return what kind of personal data a column of this name may hold."""
    plain = _TRANSFORMER.sub("", unicodedata.normalize("NFKC", name))
    words = [w for w in re.split(r"[\W_]+", _CASE.sub(" ", plain).lower()) if w]
    words = [w.rstrip("0123456789") or w for w in words]
    return next((k for k in KINDS if k in kinds and _holds(words, _PHRASES[k])), None)


def kind_of_text(text: str, kinds: Collection[Kind]) -> Kind | None:
    """Return what kind of personal data a text looks like; `name`, `dob` and the like have no form.

    A form alone is often chance (one number in ten passes the Luhn check): a card has an issuer's
    prefix and length too, an IBAN its check digits, a phone number its country code, a social
    security number its three groups.
    """
    return next((k for k, shows in _FORMS.items() if k in kinds and shows(text)), None)


def _holds(words: list[str], phrases: tuple[tuple[str, ...], ...]) -> bool:
    """Say whether a phrase stands among the words as the datum itself."""
    return any(
        tuple(words[i : i + len(phrase)]) == phrase and not is_about(words, i, i + len(phrase))
        for phrase in phrases
        for i in range(len(words) - len(phrase) + 1)
    )


_EMAIL = re.compile(r"(?<![\w.+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?!\w)")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})\Z|(?:5[1-5]|2[2-7])\d{14}\Z|3[47]\d{13}\Z|3(?:0[0-5]|[68]\d)\d{11}\Z"
    r"|(?:6011|65\d\d|35[2-8]\d)\d{12}\Z|62\d{14,17}\Z"
)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d\d\1(?!0000)\d{4}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
_SHORTEST_IBAN = 15
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+[1-9]\d{0,2}(?:[ .()/-]{0,2}\d){7,12}|\(\d{3}\) ?\d{3}-\d{4})(?![\w-]|\.\d)"
)
_IPV4 = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")


def _found(pattern: re.Pattern[str], holds: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: any(holds(match) for match in _matches(pattern, text))


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for match in pattern.finditer(text):
        yield match[0]


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    doubled = [int(d) * 2 for d in digits[-2::-2]]
    total = sum(d - 9 if d > 9 else d for d in doubled) + sum(map(int, digits[::-2]))  # noqa: PLR2004 (Luhn)
    return bool(_ISSUER.match(digits)) and total % 10 == 0


def _is_iban(text: str) -> bool:
    """Say whether the check digits of ISO 13616 hold: the rearranged number is 1 modulo 97.

    Words in capitals may stand behind the number, so every group may be its last.
    """
    groups = text.split(" ")
    tries = ("".join(groups[:last]) for last in range(1, len(groups) + 1))
    return any(
        int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1
        for plain in tries
        if len(plain) >= _SHORTEST_IBAN
    )


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    """Say whether it is an address; `::` alone is punctuation."""
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return text.strip(":") != ""


_FORMS: dict[Kind, Callable[[str], bool]] = {
    "email": lambda text: bool(_EMAIL.search(text)),
    "card": _found(_CARD, _is_card),
    "iban": _found(_IBAN, _is_iban),
    "ssn": lambda text: bool(_SSN.search(text)),
    "phone": lambda text: bool(_PHONE.search(text)),
    "ip": lambda text: _found(_IPV4, _is_ipv4)(text) or _found(_IPV6, _is_ipv6)(text),
}
