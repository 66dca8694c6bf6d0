"""A web server and an FTP server on loopback, for the demonstration and the integration tests.

Both are the real thing: nginx, and pyftpdlib with a user and a password. The listening socket is made here and handed
over, so there is no port to guess and nothing to wait for: who connects early waits in the backlog. Run by root, the
servers are nobody.
"""
import os
import shutil
import socket
import subprocess
import sys

SEARCH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
NOBODY = 65534

NGINX_CONF = """
daemon off; worker_processes 1; pid {run}/nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
	access_log {run}/access.log;
	client_body_temp_path {run}/1; proxy_temp_path {run}/2; fastcgi_temp_path {run}/3;
	uwsgi_temp_path {run}/4; scgi_temp_path {run}/5;
	server {{ listen 127.0.0.1:{port}; root {root}; limit_rate {rate}; location /deny/ {{ return 403; }} }}
}}
"""


def unprivileged():
	"""Arguments for Popen() that make root nobody."""
	return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def listening_socket():
	sock = socket.socket()
	sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	sock.bind(("127.0.0.1", 0))
	sock.listen(256)
	return sock


class Server:
	"""A child with a listening socket. host is what a modem is told: "127.0.0.1:PORT"."""

	def __init__(self, directory, environment, arguments):
		self.socket = listening_socket()
		self.port = self.socket.getsockname()[1]
		self.host = f"127.0.0.1:{self.port}"
		descriptor = self.socket.fileno()
		with open(os.path.join(directory, "server.log"), "ab") as log:
			self.process = subprocess.Popen(
				arguments(self.port, descriptor),
				env={"PATH": SEARCH, "LC_ALL": "C", **environment(descriptor)},
				pass_fds=[descriptor],
				stdin=subprocess.DEVNULL,
				stdout=log,
				stderr=log,
				start_new_session=True,
				**unprivileged(),
			)
		self.socket.close()

	def stop(self):
		if self.process.poll() is None:
			self.process.terminate()
			try:
				self.process.wait(5)
			except subprocess.TimeoutExpired:
				self.process.kill()
				self.process.wait()


def private_directory(parent, name):
	"""A directory for one server's own files."""
	path = os.path.join(parent, name)
	os.mkdir(path, 0o700)
	if os.geteuid() == 0:
		os.chown(path, NOBODY, NOBODY)
	return path


def web_server(directory, root, rate=0):
	"""nginx, serving the files below root, each connection at most `rate` bytes a second (0: as fast as it can)."""
	nginx = shutil.which("nginx", path=SEARCH)
	if nginx is None:
		raise FileNotFoundError("nginx is not installed")
	run = private_directory(directory, "nginx")
	conf = os.path.join(directory, "nginx.conf")

	def arguments(port, _descriptor):
		with open(conf, "w", encoding="ascii") as file:
			file.write(NGINX_CONF.format(run=run, port=port, root=root, rate=rate))
		os.chmod(conf, 0o644)
		return [nginx, "-e", "stderr", "-p", run, "-c", conf]

	# nginx takes over listening sockets that $NGINX names; it is how one binary replaces another.
	return Server(directory, lambda descriptor: {"NGINX": f"{descriptor};"}, arguments)


def ftp_server(directory, root, user, password, rate=0):
	"""pyftpdlib, serving the files below root to this user only; rate as above."""

	def environment(_descriptor):
		return {"FTP_USER": user, "FTP_PASSWORD": password, "FTP_RATE": str(rate)}

	def arguments(_port, descriptor):
		return ["/usr/bin/python3", os.path.abspath(__file__), "ftp", str(descriptor), root]

	return Server(directory, environment, arguments)


def run_ftp_server(descriptor, root):
	from pyftpdlib.authorizers import DummyAuthorizer
	from pyftpdlib.handlers import FTPHandler, ThrottledDTPHandler
	from pyftpdlib.servers import FTPServer

	class Transfer(ThrottledDTPHandler):
		write_limit = int(os.environ["FTP_RATE"])

	class Handler(FTPHandler):
		authorizer = DummyAuthorizer()
		dtp_handler = Transfer
		banner = "firmware"
		auth_failed_timeout = 0

	Handler.authorizer.add_user(os.environ["FTP_USER"], os.environ["FTP_PASSWORD"], root, perm="elr")
	FTPServer(socket.socket(fileno=descriptor), Handler).serve_forever(handle_exit=True)


if __name__ == "__main__":
	if len(sys.argv) != 4 or sys.argv[1] != "ftp":
		sys.exit("servers.py is a part of fota-demo")
	run_ftp_server(int(sys.argv[2]), sys.argv[3])
