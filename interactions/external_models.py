"""Models that someone else serves: their addresses and secrets, and the projects that use them.

A secret is sealed with AES-256-GCM, under a key made of the server's `SECRET_KEY`, and bound to the model and to the
address it is for: who changes the address, in the database even, cannot have it sent to another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.views.decorators.debug import sensitive_variables

from interactions import access, amounts, ids, naming, payloads, people, projects
from interactions.access import Caller, Permission
from interactions.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from interactions.ingest import told
from interactions.models import AbArm, AbTest, ExternalModel, Model, Project, Team

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_LONGEST_ID = 500
_LONGEST_URL = 2_000
_LONGEST_SECRET = 10_000
_LONGEST_PARAMETERS = 20_000

_HIGHEST_PRICE = 10_000_000
_PRICE_DECIMALS = 6
_MOST_SECONDS = 24 * 60 * 60

# Of a model that says nothing else.
SILENCE_SECONDS = 10 * 60
TOTAL_SECONDS = 60 * 60


class Terms(TypedDict, total=False):
    """What a model costs, in dollars for a million tokens, and how many seconds it may be silent and take in all.

    None is “not known”, or for seconds what is usual. What is not there stays as it is.
    """

    input_price: Decimal | None
    cached_input_price: Decimal | None
    output_price: Decimal | None
    silence_seconds: int | None
    total_seconds: int | None


# Adding and changing


@sensitive_variables("secret")
def add(
    caller: Caller,
    name: str,
    provider: str,
    external_id: str,
    secret: str,
    base_url: str = "",
    parameters: Mapping[str, Any] | None = None,
    description: str = "",
    team: Team | None = None,
    **terms: Unpack[Terms],
) -> ExternalModel:
    """A model of the team, or of the one that `people.team_of_new` chooses; its key is made of the name.

    `provider` is a value of `ExternalModel.Provider`. Without a `base_url` it is the provider's own; without a secret
    none is sent. `parameters` are sent with each request.
    """
    team = people.team_of_new(caller, Permission.MANAGE_MODELS, team)
    if provider not in ExternalModel.Provider.values:
        raise Invalid(f"This must be one of: {', '.join(ExternalModel.Provider.values)}.", "provider")
    name = naming.name(name)
    external = ExternalModel(
        team=team,
        name=name,
        description=naming.description(description),
        provider=provider,
        external_id=_external_id(external_id),
        base_url=_base_url(base_url),
        parameters=_parameters(parameters or {}),
        **_terms(terms),
    )
    _seal(external, secret)
    slug = naming.slug(name) or "model"
    if ids.uuid(slug):
        slug = f"model-{slug}"
    with told():  # not as a decorator, whose frame would show the secret in an error report
        taken = ExternalModel.objects.filter(key__startswith=slug[:80]).values_list("key", flat=True)
        external.key = naming.free(slug, set(taken))
        external.save()
    return external


class Changed(NamedTuple):
    """`is_secret_lost`: the address is another, so the secret for the old one was thrown away; give one for the new."""

    external: ExternalModel
    is_secret_lost: bool


@sensitive_variables("secret")
def change(
    caller: Caller,
    external: ExternalModel,
    *,
    name: str | None = None,
    description: str | None = None,
    external_id: str | None = None,
    base_url: str | None = None,
    secret: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    **terms: Unpack[Terms],
) -> Changed:
    """None leaves a field as it is, but the secret goes with the address that it is for."""
    _allow(caller, external)
    with told(), transaction.atomic():
        external = _lock(external)
        if name is not None:
            external.name = naming.name(name)
        if description is not None:
            external.description = naming.description(description)
        if external_id is not None:
            external.external_id = _external_id(external_id)
        if parameters is not None:
            external.parameters = _parameters(parameters)
        for field, value in _terms(terms).items():
            setattr(external, field, value)
        is_secret_lost = False
        if base_url is not None and (address := _base_url(base_url)) != external.base_url:
            is_secret_lost = secret is None and bool(external.secret)
            external.base_url, external.secret = address, b""
        if secret is not None:
            _seal(external, secret)
        external.save()
    return Changed(external, is_secret_lost)


@told()
def remove(caller: Caller, external: ExternalModel) -> None:
    """With its secret. What it answered stays, under its name."""
    _allow(caller, external)
    with transaction.atomic():
        external = _lock(external)
        people.refuse_if_used(ExternalModel.objects.filter(pk=external.pk), "model")
        external.delete()


def _lock(external: ExternalModel) -> ExternalModel:
    """As it is now, and until the end of the transaction."""
    locked = ExternalModel.objects.select_for_update().filter(pk=external.pk).first()
    if locked is None:
        raise NotFound(f"There is no model “{external.key}” any more.", "model")
    return locked


def may_change(caller: Caller, external: ExternalModel) -> bool:
    return _may_manage(caller, external.team_id)


def _may_manage(caller: Caller, team_id: int) -> bool:
    return Permission.MANAGE_MODELS in caller.everywhere | caller.teams.get(team_id, frozenset())


def _allow(caller: Caller, external: ExternalModel) -> None:
    if not may_change(caller, external):
        raise Forbidden(f"This needs the permission {Permission.MANAGE_MODELS} in the team that the model belongs to.")


# Finding


def visible(caller: Caller) -> QuerySet[ExternalModel]:
    """Those of the caller's teams, and those in use in the projects they see, by their keys."""
    every = ExternalModel.objects.order_by("key")
    if Permission.SEE_MODELS in caller.everywhere:
        return every
    teams = [team for team, allowed in caller.teams.items() if Permission.SEE_MODELS in allowed]
    seen = access.projects(caller, Permission.SEE_MODELS)
    used = Model.objects.filter(project__in=seen, is_attached=True, external__isnull=False)
    return every.filter(Q(team__in=teams) | Q(pk__in=used.values("external")))


def get(caller: Caller, key_or_id: str) -> ExternalModel:
    found = naming.find(visible(caller), key_or_id)
    if found is None:
        raise NotFound(f"There is no model “{key_or_id[:200]}” that this caller can see. Add it first.", "model")
    return found


def attachable(caller: Caller, project: Project) -> QuerySet[ExternalModel]:
    """Those that the caller may let the project use, and that it does not use yet, by their keys."""
    used = Model.objects.filter(project=project, is_attached=True, external__isnull=False)
    others = ExternalModel.objects.exclude(pk__in=used.values("external")).order_by("key")
    if Permission.MANAGE_MODELS in caller.everywhere:
        return others
    return others.filter(team__in=[pk for pk, allowed in caller.teams.items() if Permission.MANAGE_MODELS in allowed])


def team_for(caller: Caller, project: Project) -> Team | None:
    """For a new model of the project: the first team that owns it in which the caller may manage models, if any."""
    owners = Team.objects.filter(shares__project=project, shares__is_owner=True).order_by("key")
    return next((team for team in owners if _may_manage(caller, team.pk)), None)


def used_by(external: ExternalModel) -> list[str]:
    """The keys of the projects that use it."""
    uses = Model.objects.filter(external=external, is_attached=True)
    return list(uses.order_by("project__key").values_list("project__key", flat=True))


# In projects


def models(caller: Caller, project: Project) -> list[Model]:
    """Those that are attached, with `external`: the default first, then by their keys."""
    caller.project_id(project.key, Permission.SEE_MODELS)
    attached = Model.objects.filter(project=project, is_attached=True)
    return list(attached.select_related("external").order_by("-is_default", "key"))


@told()
def attach(caller: Caller, project: Project, external: ExternalModel) -> Model:
    """Let the project use it, under its key. If the project knows a model of that key, it is this one from now on."""
    caller.project_id(project.key, Permission.MANAGE_MODELS)
    attached = Model.objects.filter(project=project, external=external, is_attached=True).first()
    if attached is not None:
        return attached  # which lets nobody use anything that they could not use before
    _allow(caller, external)
    with transaction.atomic():
        projects.lock(project)
        given = {"external": external, "is_attached": True}
        model, _ = Model.objects.update_or_create(
            project=project, key=external.key, defaults=given, create_defaults={**given, "name": external.name}
        )
    return model


@told()
def deploy(caller: Caller, project: Project, key_or_id: str) -> Model:
    """Attach it, if that is not done yet, and want it online."""
    caller.project_id(project.key, Permission.MANAGE_MODELS)
    known = find(project, key_or_id)
    if known is None or known.external is None or not known.is_attached:
        external = (known and known.external) or get(caller, known.key if known else key_or_id)
        key_or_id = attach(caller, project, external).key
    return update(caller, project, key_or_id, is_wanted_online=True)


@told()
def update(
    caller: Caller,
    project: Project,
    key_or_id: str,
    *,
    is_default: bool | None = None,
    is_wanted_online: bool | None = None,
    name: str | None = None,
) -> Model:
    """None leaves as it is. A model that becomes the default takes the place of the one that was."""
    caller.project_id(project.key, Permission.MANAGE_MODELS)
    with transaction.atomic():
        projects.lock(project)
        model = _attached(project, key_or_id)
        if is_default and model.external is None:
            raise Conflict(f"“{model.key}” was only logged: nobody serves it. Attach an external model.", "model")
        if is_default:
            Model.objects.filter(project=project, is_default=True).exclude(pk=model.pk).update(is_default=False)
        if is_default is not None:
            model.is_default = is_default
        if is_wanted_online is not None:
            model.is_wanted_online = is_wanted_online
        if name is not None:
            model.name = naming.name(name)
        model.save()
    return model


@told()
def detach(caller: Caller, project: Project, key_or_id: str) -> Model:
    """Take it out of the project. It stays a name on what it made, and can be attached again."""
    caller.project_id(project.key, Permission.MANAGE_MODELS)
    with transaction.atomic():
        projects.lock(project)
        model = _attached(project, key_or_id)
        arm = AbArm.objects.filter(model=model, test__state__in=AbTest.ACTIVE).select_related("test").first()
        if arm is not None:
            raise Conflict(f"“{model.key}” takes part in the A/B test “{arm.test.key}”. Cancel it first.", "model")
        model.is_attached = model.is_default = False
        model.save(update_fields=("is_attached", "is_default"))
    return model


def _attached(project: Project, key_or_id: str) -> Model:
    model = find(project, key_or_id)
    if model is None or not model.is_attached:
        raise NotFound(f"The model “{key_or_id[:200]}” is not attached to the project. Attach it first.", "model")
    return model


def find(project: Project, key_or_id: str) -> Model | None:
    """One that it has or had: by its id, that of the external model it is, or its key."""
    rows = Model.objects.filter(project=project).select_related("external")
    uid = ids.uuid(key_or_id)
    return (uid and rows.filter(Q(uid=uid) | Q(external__uid=uid)).first()) or naming.find(rows, key_or_id)


# Secrets

_FORM = b"\x01"  # of what is stored: this byte, the nonce, then what AES-GCM made
_NONCE_BYTES = 12


@sensitive_variables("secret")
def open_secret(external: ExternalModel) -> str:
    """The secret, or nothing where there is none. Raises `Fault` if it was not sealed here for this address."""
    from cryptography.exceptions import InvalidTag

    sealed = bytes(external.secret)
    if not sealed:
        return ""
    nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        if sealed[:1] != _FORM:
            raise InvalidTag
        secret = _cipher().decrypt(nonce, content, _bound_to(external))
    except (InvalidTag, ValueError):
        raise Fault(
            f"The secret of the model “{external.key}” cannot be read: the server's SECRET_KEY or the model's address "
            "changed. Enter the secret again."
        ) from None
    return secret.decode()


@sensitive_variables("secret")
def _seal(external: ExternalModel, secret: str) -> None:
    secret = secret.strip()
    # It goes into a header.
    if len(secret) > _LONGEST_SECRET or not (secret.isascii() and secret.isprintable()):
        raise Invalid(f"A secret has at most {_LONGEST_SECRET:,} letters, digits and signs, all of ASCII.", "secret")
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher().encrypt(nonce, secret.encode(), _bound_to(external))
    external.secret = _FORM + nonce + sealed if secret else b""


def _bound_to(external: ExternalModel) -> bytes:
    return b"".join((external.uid.bytes, f"{external.provider} {external.base_url}".encode()))


def _cipher() -> AESGCM:
    # Imported here: it takes 3 MB, and most servers never need it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), length=32, salt=None, info=b"interactions: secrets of external models")
    return AESGCM(derived.derive(settings.SECRET_KEY.encode()))


# What somebody may send


def typed_terms(typed: Mapping[str, str]) -> Terms:
    """Terms as somebody types them, by their names; nothing is None. Raises `Invalid` for what is no number."""

    def text(field: str) -> str:
        return typed.get(field) or ""

    return {
        "input_price": amounts.number(text("input_price"), "input_price"),
        "cached_input_price": amounts.number(text("cached_input_price"), "cached_input_price"),
        "output_price": amounts.number(text("output_price"), "output_price"),
        "silence_seconds": amounts.whole(text("silence_seconds"), "silence_seconds"),
        "total_seconds": amounts.whole(text("total_seconds"), "total_seconds"),
    }


def _external_id(external_id: str) -> str:
    external_id = external_id.strip()
    if not 1 <= len(external_id) <= _LONGEST_ID or not naming.is_storable(external_id):
        raise Invalid(f"This must have 1 to {_LONGEST_ID} characters, none of them NUL.", "external_id")
    return external_id


def _base_url(url: str) -> str:
    """Without a slash at its end, so that paths can be put behind it."""
    url = url.strip()
    if not url:
        return ""
    if len(url) > _LONGEST_URL:
        raise Invalid(f"An address has at most {_LONGEST_URL:,} characters.", "base_url")
    # `urlsplit` drops what is unprintable, and a browser takes “\” for “/”: what was checked would not be what is used.
    if not naming.is_storable(url) or not url.isprintable() or " " in url or "\\" in url:
        raise Invalid("An address has no spaces, backslashes or unprintable characters.", "base_url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Invalid("This is not an address. Send one such as https://models.example.org/v1.", "base_url") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Invalid("An address begins with https:// or http:// and a host.", "base_url")
    if "@" in parts.netloc:
        raise Invalid("An address holds no user and no password. Send the key as the secret.", "base_url")
    if "#" in url or "?" in url:
        raise Invalid("An address has no “?” and no “#”: the path of a request is put behind it.", "base_url")
    return url.rstrip("/")


def _parameters(parameters: Any) -> dict[str, Any]:
    if not isinstance(parameters, Mapping):
        raise Invalid("This must be an object.", "parameters")
    kept = dict(parameters)
    payloads.check_values(kept, "parameters")
    texts = list(_texts(kept))
    if not all(map(naming.is_storable, texts)) or sum(map(len, texts)) > _LONGEST_PARAMETERS:
        raise Invalid(f"Parameters have at most {_LONGEST_PARAMETERS:,} characters, none of them NUL.", "parameters")
    return kept


def _terms(terms: Terms) -> dict[str, Any]:
    kept: dict[str, Any] = dict(terms)
    for field, value in kept.items():
        if value is None:
            continue
        if field.endswith("_price") and not amounts.is_within(value, 0, _HIGHEST_PRICE, _PRICE_DECIMALS):
            bounds = f"0 to {_HIGHEST_PRICE:,} dollars for a million tokens, with at most {_PRICE_DECIMALS} decimals"
            raise Invalid(f"A price is {bounds}.", field)
        if field.endswith("_seconds") and not 1 <= value <= _MOST_SECONDS:
            raise Invalid(f"This must be 1 to {_MOST_SECONDS:,} seconds.", field)
    return kept


def _texts(value: Any) -> Iterator[str]:
    """All that is said in a JSON value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)
