from . import wire


class Client:
    def __init__(self, channel):
        self.stub = wire.ExchangeStub(channel)

    def ask(self, text, number=1):
        return self.stub.Ask(wire.pb.Request(text=text, number=number)).text


def connect(channel):
    return Client(channel)
