from shop.remote import Client


def prices(client: Client, names):
    return {name: client.ask(name) for name in names}
