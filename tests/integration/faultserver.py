"""An HTTP server that misbehaves as it is told to by the address: http://HOST/BEHAVIOUR/FILE."""
import collections
import http.server
import os
import socket
import struct
import threading

SLOW = 4500  # bytes a second

CODES = {"401": 401, "404": 404, "503": 503}
PAGE = b"<html><body>Please accept our conditions.</body></html>\n" * 20


class Handler(http.server.BaseHTTPRequestHandler):
	def log_message(self, *_):
		pass

	def do_GET(self):
		_, behaviour, name = self.path.split("/", 2)
		server = self.server.owner
		with server.lock:
			server.seen[behaviour] += 1
		try:
			self.behave(server, behaviour, name)
		except OSError:
			pass  # the module has gone
		self.close_connection = True

	def behave(self, server, behaviour, name):
		if behaviour == "mute":
			server.stopping.wait()
		elif behaviour in CODES:
			self.send_error(CODES[behaviour])
		elif behaviour == "html":
			self.head(len(PAGE), "text/html")
			self.wfile.write(PAGE)
		else:
			with open(server.files[name], "rb") as file:
				self.send_file(server, behaviour, file.read())

	def head(self, size, kind="application/octet-stream"):
		self.send_response(200)
		self.send_header("Content-Type", kind)
		self.send_header("Content-Length", str(size))
		self.end_headers()

	def send_file(self, server, behaviour, data):
		self.head(len(data))
		if behaviour in ("reset", "truncated"):
			self.wfile.write(data[:len(data) // 2])
		if behaviour == "reset":
			self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		if behaviour in ("reset", "truncated"):
			self.connection.close()
			return
		rate = SLOW if behaviour == "slow" else server.line
		if rate == 0:
			self.wfile.write(data)
			return
		for place in range(0, len(data), rate // 10):
			with server.turn if behaviour != "slow" else threading.Lock():  # one line, which all share
				self.wfile.write(data[place:place + rate // 10])
				server.stopping.wait(0.1)


class Server(http.server.ThreadingHTTPServer):
	daemon_threads = True
	request_queue_size = 256  # a fleet comes all at once, and a connection that is not taken is tried again a second later


class FaultServer:
	"""line: bytes a second, of all together; 0: as fast as it can."""

	def __init__(self, bench, line=0):
		self.line = line
		self.lock, self.turn = threading.Lock(), threading.Lock()
		self.seen = collections.Counter()
		self.files = {}
		self.stopping = threading.Event()
		self.server = Server(("127.0.0.1", 0), Handler)
		self.server.owner = self
		self.host = f"127.0.0.1:{self.server.server_address[1]}"
		self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
		self.thread.start()
		self.closed = socket.socket()  # bound, and nobody listens: who connects is refused
		self.closed.bind(("127.0.0.1", 0))
		bench.closing.callback(self.stop)

	def stop(self):
		self.stopping.set()
		self.server.shutdown()
		self.server.server_close()
		self.closed.close()

	def url(self, behaviour, path):
		name = os.path.basename(path)
		self.files[name] = path
		if behaviour == "no-host":
			return f"http://fota..example/{name}"  # fails without asking anybody
		if behaviour == "refused":
			return f"http://127.0.0.1:{self.closed.getsockname()[1]}/{name}"
		return f"http://{self.host}/{behaviour}/{name}"
