from .helpers.answers import ANSWER

import astrbot.api.event.filter as filter
from astrbot.api import star


class PlainPlugin:
    def __init__(self, context: star.Context):
        self.context = context

    @filter.command("plain")
    async def plain(self, event):
        yield event.plain_result(ANSWER)
