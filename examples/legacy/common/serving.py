# -*- coding: utf-8 -*-
"""What every server of ours does the same way."""
import argparse
import logging
import signal
import sys
from concurrent import futures

import grpc

from common import auth
from common import config

LOG = logging.getLogger(__name__)

#: Seconds that running calls get when a server is told to stop.
GRACE = 2


def build_server(workers=config.WORKERS):
    return grpc.server(
        futures.ThreadPoolExecutor(max_workers=workers),
        interceptors=(auth.KeyCheck(),))


def parse_arguments(description, argv=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--port', type=int, default=0, help='0 (the default): any free port')
    return parser.parse_args(argv)


def run_until_stopped(server, port):
    """Starts ``server``, says where it listens, and returns after SIGTERM or SIGINT."""
    bound = server.add_insecure_port('127.0.0.1:%d' % port)
    server.start()

    def stop(signum, frame):
        LOG.info('signal %d, stopping', signum)
        server.stop(GRACE)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    # run.py waits for this line
    print('listening on 127.0.0.1:%d' % bound)
    sys.stdout.flush()
    server.wait_for_termination()
    LOG.info('stopped')
