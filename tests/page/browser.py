"""A browser without a window, driven by its own protocol (DevTools) over a WebSocket."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")

START_SECONDS = 60.0


@dataclass
class Tab:
    """A tab of the browser.

    Attributes:
        socket: The connection to it.
        complaints: What the console, the log and the network said of errors.
        requests: Address of each request.
        loads: How often a document was loaded.
    """

    socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    loads: int = 0
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        number = len(self._answers) + 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        return await self._answers[number]

    async def value(self, expression: str) -> Any:
        """Return what a JavaScript expression is."""
        answer = await self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def text(self) -> str:
        """Return the words of the page."""
        return str(await self.value("document.body.innerText"))

    async def until(self, words: str, seconds: float = 30.0) -> str:
        """Wait until the page has some words, and return all of its words.

        Raises:
            TimeoutError: It did not come to have them; what it has is in the error.
        """
        text = ""
        try:
            async with asyncio.timeout(seconds):
                while words not in text:
                    text = await self.text()
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise TimeoutError(f"'{words}' is not in: {text}") from error
        return text

    async def open(self, address: str) -> None:
        """Load a document."""
        loads = self.loads
        await self.ask("Page.navigate", url=address)

        async def is_there() -> bool:
            return self.loads > loads and await self.value("document.readyState") == "complete"

        await true_at_last(is_there, START_SECONDS)

    async def listen(self) -> None:
        """Take in answers and events until the browser ends."""
        async for message in self.socket:
            values = message.json()
            if "id" in values:
                self._answers[values["id"]].set_result(values.get("result", values.get("error")))
            else:
                self._note(values["method"], values["params"])

    def _note(self, event: str, what: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(what["request"]["url"])
            case "Page.frameNavigated":
                self.loads += 1
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded":
                self.complaints.append(str(what))


@asynccontextmanager
async def browser(folder: Path, *flags: str) -> AsyncIterator[Tab]:
    """Start a browser with a profile of its own, and yield its tab.

    Args:
        folder: For its profile.
        flags: Added to its command line.
    """
    command = [
        *(str(PROGRAM), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"),
        *("--no-first-run", "--disable-background-networking", f"--user-data-dir={folder}", *flags),
        "about:blank",
    ]
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=null, stderr=null)
    try:
        address = await _address(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{address}/json/list") as answer:
                (target,) = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.ask(f"{domain}.enable")
                yield tab
                listening.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def true_at_last(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: It did not come to hold.
    """
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.05)


async def _address(file: Path) -> str:
    async def is_there() -> bool:
        return bool(await asyncio.to_thread(_lines, file))

    await true_at_last(is_there, START_SECONDS)
    return f"http://127.0.0.1:{_lines(file)[0]}"


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
