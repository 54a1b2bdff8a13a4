"""The routes of the application, as it lists them itself."""


def all_routes(routes, prefix=""):
    """Walk the routes of the application, whether FastAPI copies those of a router or keeps the router."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from all_routes(inner.routes, prefix + route.include_context.prefix)
        else:
            for method in sorted(set(route.methods) - {"HEAD"}):
                yield method, prefix + route.path


# Callers of these have no login and prove in another way who they are; the webhooks are an application of their own.
PUBLIC = frozenset({"/oauth/callback"})
