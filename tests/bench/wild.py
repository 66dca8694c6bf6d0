#!/usr/bin/python3
"""A modem that goes wild.

	wild.py LINK PORT HOW

LINK will lead to its port. HOW:

	quiet	passes bytes on to and from PORT, that of a simulated modem, for ever
	flood	reports from the start, as fast as they are taken: such a modem is busy elsewhere and listened to without end
		(lines that say nothing would have its port closed after 64 KiB)
	bytes	the same, each byte in a write of its own, about every 50 us
	line	like quiet, but from the start of the download 5 MB without an end of line, an end, and again

Says at the end how many bytes of it were taken.
"""
import os
import select
import signal
import sys
import time
import tty

REPORT = b"\r\nGTOTA DOWNLOADING: 5%\r\n"
PIECE = 4096
PAUSE = 20e-6  # and as much again until the process runs
ENDLESS = 5_000_000

taken = 0


def stop(*_):
	print(taken, flush=True)
	os._exit(0)


def write(fd, data):
	global taken
	while data:
		select.select([], [fd], [])
		n = os.write(fd, data)
		taken += n
		data = data[n:]


def flood(master):
	while True:
		write(master, REPORT * (PIECE // len(REPORT)))


def byte_by_byte(master):
	while True:
		for i in range(len(REPORT)):
			write(master, REPORT[i:i + 1])
			time.sleep(PAUSE)


def endless_line(master):
	while True:
		write(master, b"x" * ENDLESS)
		write(master, b"\r\n")


def pass_on(module, master, until):
	said = b""
	while not until or until not in said:
		for fd in select.select([module, master], [], [])[0]:
			data = os.read(fd, PIECE)
			os.write(master if fd == module else module, data)
			if fd == module:
				said = (said + data)[-PIECE:]


def main():
	link, port, how = sys.argv[1:]
	signal.signal(signal.SIGTERM, stop)
	module = os.open(port, os.O_RDWR | os.O_NOCTTY)
	master, slave = os.openpty()
	tty.setraw(module)
	tty.setraw(slave)
	os.symlink(os.ttyname(slave), link)
	os.set_blocking(master, False)
	os.setpriority(os.PRIO_PROCESS, 0, 19)  # a device, not a competitor for the processor
	print("ready", flush=True)
	if how == "flood":
		flood(master)
	elif how == "bytes":
		byte_by_byte(master)
	else:
		pass_on(module, master, b"GTOTA DOWNLOAD START" if how == "line" else None)
		endless_line(master)


if __name__ == "__main__":
	main()
