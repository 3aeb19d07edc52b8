"""A middleware that only looks at the answer, in both worlds: it costs no thread on an asynchronous route."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class AnswerMiddleware(ABC):
    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self.get_response):
            return self.__acall__(request)
        return self.answered(request, self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> Any:
        return self.answered(request, await self.get_response(request))

    @abstractmethod
    def answered(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase: ...
