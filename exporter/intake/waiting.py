"""Posts that wait for the committer: who goes first, and who has waited for too long.

A commit takes all that wait, so a slow disk costs time and no posts. Only when more have come than one commit takes
does it matter who sends them: each app has a place in turn, however many posts it has, so a noisy one does not blind
us to the others. What has waited for too long is refused; a client that keeps its events sends them again.
"""

from collections import deque

from exporter.intake.post import Post


class Waiting:
    """The posts that wait, by their sender."""

    def __init__(self) -> None:
        self._posts: dict[str, deque[Post]] = {}
        """The sender whose turn it is comes first; none is empty."""

    def __bool__(self) -> bool:
        return bool(self._posts)

    def add(self, sender: str, post: Post) -> None:
        """A post has come; `sender` is its app, if that has series of its own."""
        theirs = self._posts.get(sender)
        if theirs is None:
            self._posts[sender] = deque((post,))
        else:
            theirs.append(post)

    def take(self, events: int) -> list[Post]:
        """The next posts, with so many events or a few more; one of each sender in turn."""
        taken: list[Post] = []
        posts = self._posts
        while posts and events > 0:
            sender = next(iter(posts))
            theirs = posts.pop(sender)
            taken.append(theirs.popleft())
            events -= max(taken[-1].elements, 1)
            if theirs:
                posts[sender] = theirs
        return taken

    def take_late(self, before: float) -> list[Post]:
        """Those that came before that moment, by the monotonic clock."""
        late: list[Post] = []
        for sender, theirs in list(self._posts.items()):
            while theirs and theirs[0].arrival.started <= before:
                late.append(theirs.popleft())
            if not theirs:
                del self._posts[sender]
        return late
