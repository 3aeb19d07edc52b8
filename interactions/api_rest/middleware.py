"""What Django itself answers to a request for the API (no such path, no such method, a fault), in the API's form."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from interactions.api_rest.api import refusal
from interactions.bridge.middleware import AnswerMiddleware
from interactions.errors import Fault, MethodNotAllowed, NotFound, RequestError

_API = "/api/"


class ErrorsAsJson(AnswerMiddleware):
    def answered(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_ours = not getattr(response, "is_passed_on", False)
        if response.status_code < 400 or not request.path_info.startswith(_API) or not is_ours:
            return response
        if response["Content-Type"] == "application/json" or (response.status_code == 500 and settings.DEBUG):
            return response
        told = refusal(_error(request, response))
        if "Allow" in response:
            told["Allow"] = response["Allow"]
        return told


def _error(request: HttpRequest, response: HttpResponseBase) -> RequestError:
    place = request.path_info[:200]
    if response.status_code == 404:
        return NotFound(f"There is nothing at {place}. See /api/docs.")
    if response.status_code == 405:
        return MethodNotAllowed(f"{place} takes {response.get('Allow', 'another method')}, not {request.method}.")
    if response.status_code >= 500:
        return Fault("Something went wrong on the server. It is in the server's log.")
    return RequestError("The request is malformed, or not meant for this host. The server's log says more.")
