"""Forms whose values are judged by the act that takes them: what it refuses is said at the field."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.forms.utils import ErrorList

from interactions.errors import Invalid, RequestError


class ActForm(forms.Form):
    """What was typed is written again with what is wrong, but for passwords."""

    def given(self) -> dict[str, Any]:
        """The values. Raises `Invalid` for what no act could take."""
        if self.is_valid():
            return self.cleaned_data
        field, errors = next(iter(self.errors.items()))
        raise Invalid(str(errors[0]), field)

    def refuse(self, error: RequestError) -> bool:
        """Says at its field what is wrong. Whether it has this field."""
        field = re.split(r"[.\[]", error.field or "")[0]
        if field not in self.fields:
            return False
        if error.message not in self.errors.get(field, ErrorList()):
            self.add_error(field, error.message)
        return True


def line(label: str, help: str = "", **attributes: Any) -> forms.CharField:
    """One line of text; what it must be is for the act to say."""
    return forms.CharField(label=label, help_text=help, required=False, widget=forms.TextInput(_shown(attributes)))


def secret(label: str, **attributes: Any) -> forms.CharField:
    """Never written again, nor kept by the browser."""
    widget = forms.PasswordInput(_shown(attributes))
    return forms.CharField(label=label, required=False, widget=widget)


def text(label: str, help: str = "", **attributes: Any) -> forms.CharField:
    return forms.CharField(label=label, help_text=help, required=False, widget=forms.Textarea(_shown(attributes)))


def choice(label: str, choices: dict[str, str], **attributes: Any) -> forms.ChoiceField:
    options = list(choices.items())
    return forms.ChoiceField(label=label, choices=options, required=False, widget=forms.Select(_shown(attributes)))


def tick() -> forms.BooleanField:
    return forms.BooleanField(required=False)


def _shown(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"class": "field", "autocomplete": "off"} | attributes
