__all__ = ["watch_all"]

from .wire import pb


def watch_all(client, number):
    return [reply.number for reply in client.stub.Watch(pb.Request(number=number))]


def hidden(client):
    return client
