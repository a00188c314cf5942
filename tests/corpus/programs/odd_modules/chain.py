from leaves import leaf


def walk(stub, n):
    yield from leaf(stub, n)
    yield "between"
    yield from ("x", "y")
    yield from middle(stub)


def middle(stub):
    yield from leaf(stub, 1)


def total(stub):
    return sum(len(text) for text in walk(stub, 2))
