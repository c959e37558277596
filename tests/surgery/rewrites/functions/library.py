"""A library of somebody else's, for tests that patch it."""

from __future__ import annotations


def double(x: int) -> int:
    return 2 * x


alias = double
CONSTANT = 3


class Base:
    def scaled(self, x: int) -> int:
        return 10 * x


class Layer(Base):
    @staticmethod
    def halved(x: int) -> int:
        return x // 2

    @classmethod
    def named(cls, x: int) -> str:
        return f"{cls.__name__} {x}"
