"""Tools that every chat model gets: time, calculation, web pages, reminders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from astrbot_like.api import AstrBotConfig
from astrbot_like.api.event import AstrMessageEvent, MessageChain, filter
from astrbot_like.api.star import Context, Star

from .reminders import Reminder, Reminders


class BuiltinTools(Star):
    """The tools. Each tells the model in words when it can't do what was asked."""

    def __init__(self, context: Context, config: AstrBotConfig | None = None) -> None:
        super().__init__(context)
        self._config: dict[str, Any] = config if config is not None else {}
        told = self._config.get("reminders") or {}
        self._furthest = timedelta(days=int(told.get("furthest_days", 366)))
        self._reminders = Reminders(self._remind, self._keep, per_session=int(told.get("per_session", 50)))

    async def initialize(self) -> None:
        """Take up the reminders that were waiting when the host stopped."""
        self._reminders.start(await self.get_kv_data("reminders", []))

    async def terminate(self) -> None:
        """Stop waiting; reminders stay kept."""
        await self._reminders.aclose()

    @filter.llm_tool(name="get_current_time")
    async def get_current_time(self, event: AstrMessageEvent) -> str:
        """Tell the current date, time, weekday and time zone."""
        now = self._now()
        return f"{now.isoformat(timespec='seconds')} {now.strftime('%A')} {now.tzname()}"

    @filter.llm_tool(name="calculate")
    async def calculate(self, event: AstrMessageEvent, expression: str) -> str:
        """Work out an arithmetic expression exactly.

        Args:
            expression(string): The expression, such as (2 + 3) * sqrt(16) / 7 ** 2. Known are + - * / // % **,
                brackets, abs, round, floor, ceil, sqrt, exp, log, log10, log2, sin, cos, tan, min, max, factorial, pi
        """
        from .calculation import NotAnExpression, evaluate

        try:
            return f"{expression} = {evaluate(expression)}"
        except NotAnExpression as error:
            return f"That can't be calculated: {error}"

    @filter.llm_tool(name="read_web_page")
    async def read_web_page(self, event: AstrMessageEvent, url: str) -> str:
        """Read a web page and get its text.

        Args:
            url(string): Address of the page, beginning with http:// or https://.
        """
        from .web_page import read_page

        told = self._config.get("web_pages") or {}
        if not told.get("enable", True):
            return "Reading web pages is switched off on this server."
        return await read_page(url, told)

    @filter.llm_tool(name="set_reminder")
    async def set_reminder(self, event: AstrMessageEvent, text: str, delay_seconds: float = 0, at: str = "") -> str:
        """Remind the user of something later: a message is sent to this conversation when the time has come.

        Args:
            text(string): What to remind of, in the user's language, worded to the user.
            delay_seconds(number): Seconds from now; optional where "at" is given.
            at(string): Moment as ISO 8601 such as 2026-05-01T09:30; optional where "delay_seconds" is given.
        """
        now = self._now()
        try:
            due = now + timedelta(seconds=float(delay_seconds)) if delay_seconds else _moment(at, now)
        except (ValueError, OverflowError):
            return "That moment is not understood: give delay_seconds, or at as ISO 8601."
        if due <= now:
            return "That moment is not in the future."
        if due - now > self._furthest:
            return f"That is too far ahead: at most {self._furthest.days} days."
        if not text.strip():
            return "There is no text to remind of."
        made = await self._reminders.add(event.unified_msg_origin, text.strip(), due.timestamp())
        if made is None:
            return "There are too many reminders waiting in this conversation. Cancel some first."
        return f"Reminder {made.id} is set for {due.strftime('%Y-%m-%d %H:%M:%S')}: {made.text}"

    @filter.llm_tool(name="list_reminders")
    async def list_reminders(self, event: AstrMessageEvent) -> str:
        """List the reminders that are waiting in this conversation."""
        waiting = self._reminders.waiting(event.unified_msg_origin)
        if not waiting:
            return "No reminder is waiting."
        return "\n".join(f"{one.id}: {self._local(one.due)} {one.text}" for one in waiting)

    @filter.llm_tool(name="cancel_reminder")
    async def cancel_reminder(self, event: AstrMessageEvent, reminder_id: str) -> str:
        """Cancel a reminder of this conversation.

        Args:
            reminder_id(string): Its id, as set_reminder and list_reminders tell it.
        """
        gone = await self._reminders.cancel(event.unified_msg_origin, reminder_id.strip())
        return f"Cancelled: {gone.text}" if gone else f"There is no reminder {reminder_id} here."

    async def _remind(self, reminder: Reminder) -> bool:
        chinese = any("\u3400" <= char <= "\u9fff" for char in reminder.text)
        words = f"提醒：{reminder.text}" if chinese else f"Reminder: {reminder.text}"
        return await self.context.send_message(reminder.session, MessageChain().message(words))

    async def _keep(self, kept: list[dict[str, Any]]) -> None:
        await self.put_kv_data("reminders", kept)

    def _now(self) -> datetime:
        return datetime.now().astimezone(self._zone())

    def _local(self, timestamp: float) -> str:
        return datetime.fromtimestamp(timestamp).astimezone(self._zone()).strftime("%Y-%m-%d %H:%M:%S")

    def _zone(self) -> Any:
        name = str(self._config.get("timezone") or "")
        if not name:
            return None
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            return None


def _moment(text: str, now: datetime) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=now.tzinfo) if moment.tzinfo is None else moment
