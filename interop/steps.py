"""What a client tries, one step after the other; a line for each on standard output.

What a failed step should have made is None, so that steps which need it fail too.
"""

import traceback


def step(what):
    """Runs the decorated function at once; its name then stands for what it returned."""

    def run(tried):
        try:
            answer = tried()
        except Exception:
            print("failed", what, flush=True)
            traceback.print_exc()
            return None
        print("passed", what, flush=True)
        return answer

    return run


def refused(tried, *words):
    """Whatever the client raises, its text names the reason."""
    try:
        answer = tried()
    except Exception as error:
        said = str(error)
        missing = [word for word in words if word not in said]
        assert not missing, f"refused, but not with {missing}: {said}"
        return
    raise AssertionError(f"not refused: {answer!r}")
