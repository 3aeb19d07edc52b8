"""The pages' routes. A list, its numbers, its exports and its rows' pages share one query string."""

from __future__ import annotations

from django.urls import path

from interactions.web import (
    accounts,
    comparing,
    copying,
    detail,
    exports,
    judging,
    keys,
    listing,
    people,
    project_settings,
    removing,
    replaying,
    roles,
    sharing,
    summary,
    teams,
)

_LIST = "projects/<str:key>/interactions"
_ONE = f"{_LIST}/<uuid:id>"

urlpatterns = [
    path("", accounts.home, name="home"),
    path("login/", accounts.login, name="login"),
    path("logout/", accounts.logout, name="logout"),
    path("password", accounts.password, name="password"),
    path("keys", keys.show, name="keys"),
    path("keys/<uuid:id>/revoke", keys.revoke, name="key-revoke"),
    path("people", people.show, name="people"),
    path("people/new", people.add, name="person-new"),
    path("people/<uuid:uid>", people.one, name="person"),
    path("people/<uuid:uid>/delete", people.delete, name="person-delete"),
    path("teams", teams.show, name="teams"),
    path("teams/<str:key>", teams.one, name="team"),
    path("teams/<str:key>/delete", teams.delete, name="team-delete"),
    path("roles", roles.show, name="roles"),
    path("roles/<str:key>", roles.one, name="role"),
    path("roles/<str:key>/delete", roles.delete, name="role-delete"),
    path("projects", accounts.projects, name="projects"),
    path(_LIST, listing.interactions, name="interactions"),
    path(f"{_LIST}/summary", summary.show, name="interactions-summary"),
    path(f"{_LIST}.json", exports.json, name="interactions-json"),
    path(f"{_LIST}.jsonl", exports.jsonl, name="interactions-jsonl"),
    path(f"{_LIST}.csv", exports.csv, name="interactions-csv"),
    path(f"{_LIST}/remove", removing.remove, name="interactions-remove"),
    path(_ONE, detail.show, name="interaction"),
    path(f"{_ONE}.json", detail.document, name="interaction-json"),
    path(f"{_ONE}.curl", copying.curl, name="interaction-curl"),
    path(f"{_ONE}.py", copying.python, name="interaction-python"),
    path(f"{_ONE}/compare/<uuid:other>", comparing.show, name="interaction-compare"),
    path(f"{_ONE}/replay", replaying.start, name="interaction-replay"),
    path(f"{_ONE}/feedback", judging.add_feedback, name="interaction-feedback"),
    path(f"{_ONE}/feedback/<uuid:feedback_id>/remove", judging.remove_feedback, name="interaction-feedback-remove"),
    path(f"{_ONE}/labels", judging.set_label, name="interaction-label"),
    path(f"{_ONE}/labels/remove", judging.remove_label, name="interaction-label-remove"),
    path("projects/<str:key>/images/<str:digest>", detail.image, name="image"),
    path("projects/<str:key>/removals/<int:removal>", removing.progress, name="removal"),
    path("projects/<str:key>/settings", project_settings.show, name="project-settings"),
    path("projects/<str:key>/settings/sharing", sharing.show, name="project-sharing"),
]
