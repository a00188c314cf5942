#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Starts the three services, plays a day at the order desk, and stops everything.

Prints what the desk prints and nothing else. Exit status: the desk's, or 1 if a service
did not come up. ORDERDESK_LOG=INFO shows on standard error what the services do.
"""
import os
import select
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICES = ('inventory', 'pricing', 'orders')  # orders needs the other two

START_TIMEOUT = 20
DESK_TIMEOUT = 60
STOP_TIMEOUT = 6


class CannotStart(Exception):
    pass


def start_service(name, environment):
    return subprocess.Popen(
        [sys.executable, '-m', '%s.server' % name, '--port', '0'],
        cwd=HERE, env=environment, stdout=subprocess.PIPE)


def read_address(name, process):
    """The address from the first line that a service prints: ``listening on HOST:PORT``."""
    deadline = time.time() + START_TIMEOUT
    line = b''
    while not line.endswith(b'\n'):
        readable, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.time()))
        if not readable:
            raise CannotStart('%s did not start within %d s' % (name, START_TIMEOUT))
        chunk = os.read(process.stdout.fileno(), 1024)
        if not chunk:
            raise CannotStart('%s ended before it was ready' % name)
        line += chunk
    text = line.decode('ascii').strip()
    if not text.startswith('listening on '):
        raise CannotStart('%s said %r' % (name, text))
    return text[len('listening on '):]


def stop_all(processes):
    """SIGTERM to all, then SIGKILL to those that do not listen. Returns what went wrong."""
    complaints = []
    for _, process in reversed(processes):
        if process.poll() is None:
            process.terminate()
    deadline = time.time() + STOP_TIMEOUT
    for name, process in reversed(processes):
        try:
            process.wait(max(0.1, deadline - time.time()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            complaints.append('%s did not stop within %d s' % (name, STOP_TIMEOUT))
        else:
            if process.returncode != 0:
                complaints.append('%s ended with status %d' % (name, process.returncode))
        process.stdout.close()
    return complaints


def run_desk(environment):
    desk = subprocess.Popen([sys.executable, '-m', 'cli.desk'], cwd=HERE, env=environment)
    try:
        return desk.wait(DESK_TIMEOUT)
    except subprocess.TimeoutExpired:
        sys.stderr.write('run.py: the desk was not done after %d s\n' % DESK_TIMEOUT)
        return 1
    finally:
        if desk.poll() is None:
            desk.kill()
            desk.wait()


def main():
    # so that the finally below is reached
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(1))
    environment = dict(os.environ)
    processes = []
    status = 1
    try:
        for name in SERVICES:
            process = start_service(name, environment)
            processes.append((name, process))
            environment['ORDERDESK_%s' % name.upper()] = read_address(name, process)
        status = run_desk(environment)
    except CannotStart as error:
        sys.stderr.write('run.py: %s\n' % error)
    finally:
        for complaint in stop_all(processes):
            sys.stderr.write('run.py: %s\n' % complaint)
            status = status or 1
    return status


if __name__ == '__main__':
    sys.exit(main())
