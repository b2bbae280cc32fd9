# Outlives by the recipe that every Python book has: fork, setsid, fork again, and a pool worker beside it that subprocess
# starts in a session of its own with SIGTERM ignored, which exec keeps.
import os
import signal
import subprocess
import sys
import time

LIFETIME_SECONDS = 30


def daemonize(in_place):
    if os.fork() > 0:
        os.wait()
        return
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    os.write(in_place, b"+")
    time.sleep(LIFETIME_SECONDS)
    os._exit(0)


reader, writer = os.pipe()
daemonize(writer)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", str(LIFETIME_SECONDS)], start_new_session=True)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
os.read(reader, 1)
os.write(1, b"hidden\n")
if sys.argv[1] != "leave":
    time.sleep(LIFETIME_SECONDS)
os._exit(0)
