import quart

from astrbot.api.star import Context, Star
from astrbot.api.web import (
    FileResponse,
    JSONResponse,
    StreamingResponse,
    error_response,
    file_response,
    json_response,
    request,
    stream_response,
)


class SampleWeb(Star):
    def __init__(self, context: Context):
        super().__init__(context)
        context.register_web_api("/sample_web/hello", self.hello, ["GET"], "says hello")
        context.register_web_api("/sample_web/items/<item>", self.item, ["GET", "POST"], "one item")
        context.register_web_api("/sample_web/files/<path:name>", self.file, ["GET"], "a file")
        context.register_web_api("/sample_web/quart", self.with_quart, ["POST"], "Quart's own request")
        context.register_web_api("/sample_web/tuple", self.with_tuple, ["GET"], "body and status")
        context.register_web_api("/sample_web/upload", self.upload, ["POST"], "takes a file")
        context.register_web_api("/sample_web/stream", self.stream, ["GET"], "in pieces")
        context.register_web_api("/sample_web/starlette/<form>", self.starlette, ["GET"], "the framework's answers")

    async def hello(self):
        return {"status": "ok", "data": {"page": request.query.get("page", 1, type=int), "user": request.username}}

    async def item(self, item: str):
        if request.method == "POST":
            body = await request.json({})
            return json_response({"item": item, "body": body, "plugin": request.plugin_name}, status_code=201)
        if item == "absent":
            return error_response("no such item", status_code=404)
        return json_response({"item": item, "params": request.path_params})

    async def file(self, name: str):
        return file_response(__file__, filename=name)

    async def with_quart(self):
        body = await quart.request.get_json()
        return quart.jsonify({"echo": body})

    async def with_tuple(self):
        return {"status": "error"}, 418

    async def upload(self):
        file = (await request.files()).get("file")
        if file is None:
            return error_response("missing file")
        return json_response({"name": file.filename, "bytes": len(await file.read())})

    async def stream(self):
        async def pieces():
            for number in range(3):
                yield f"data: {number}\n\n"

        return stream_response(pieces())

    async def starlette(self, form: str):
        async def pieces():
            for number in range(3):
                yield f"data: {number}\n\n"

        if form == "stream":
            return StreamingResponse(pieces(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        if form == "file":
            return FileResponse(__file__, media_type="text/x-python")
        return JSONResponse({"form": form}, status_code=202)
