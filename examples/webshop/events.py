#!/usr/bin/env python3
"""Events of a web shop as JSON lines: page views, orders, payments. The same seed gives the same bytes."""

import argparse
import hashlib
import heapq
import json
import random
import sys

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
PRODUCTS = 500
CUSTOMERS = 20_000
SHOPPERS = 200  # at the same time
COUNTRIES = ["DE", "FR", "NL", "ES", "PL", "SE", "GB", "US"]
METHODS = ["card", "invoice", "wallet", "transfer"]
DEVICES = ["phone", "desktop", "tablet"]
REFERRERS = [None, "search", "newsletter", "https://example.com/best-boots?page=2", "partner/ä&ö"]
ADJECTIVES = ["red", "blue", "warm", "light", "sturdy", "folding", "quiet", "waterproof"]
NOUNS = ["boots", "lamp", "kettle", "tent", "bicycle", "backpack", "radio", "chair"]


class Shop:
    """All events in the order of their time."""

    def __init__(self, seed):
        # Only random() is the same in every version of Python.
        self.random = random.Random(seed).random
        self.number = 0
        self.orders = 0
        self.due = []  # (time, tie, step of a shopper)
        for _ in range(SHOPPERS):
            self.later(START_MS, 60_000, self.arrive)

    def below(self, limit):
        return int(self.random() * limit)

    def one_of(self, items):
        return items[self.below(len(items))]

    def later(self, now, mean_ms, step):
        self.number += 1
        # Not a logarithm: its last digit is the machine's.
        wait = 1 + int((self.random() + self.random()) * mean_ms)
        heapq.heappush(self.due, (now + wait, self.number, step))

    def events(self):
        while True:
            now, _, step = heapq.heappop(self.due)
            event = step(now)
            if event is not None:
                yield event

    def arrive(self, now):
        # A few customers come often: a square makes small numbers likely.
        customer = int(self.random() ** 2 * CUSTOMERS)
        shopper = {
            "customer": f"c{customer:05}",
            "session": f"{self.below(1 << 48):012x}",
            "country": self.one_of(COUNTRIES),
            "device": self.one_of(DEVICES),
            "referrer": self.one_of(REFERRERS),
            "cart": {},
        }
        return self.view(now, shopper)

    def view(self, now, shopper):
        product = int(self.random() ** 2 * PRODUCTS)
        name = f"{ADJECTIVES[product % 8]} {NOUNS[product // 8 % 8]} {product}"
        in_cart = self.random() < 0.2
        if in_cart:
            shopper["cart"][product] = shopper["cart"].get(product, 0) + 1 + self.below(3)
        choice = self.random()
        if choice < 0.75:
            self.later(now, 20_000, lambda time: self.view(time, shopper))
        elif shopper["cart"] and choice < 0.95:
            self.later(now, 40_000, lambda time: self.order(time, shopper))
        else:
            self.later(now, 60_000, self.arrive)
        return {
            "type": "page_view",
            "time": now,
            "customer": shopper["customer"],
            "session": shopper["session"],
            "path": f"/products/{product}",
            "title": name,
            "device": shopper["device"],
            "country": shopper["country"],
            "referrer": shopper["referrer"],
            "added_to_cart": in_cart,
            "milliseconds": 20 + self.below(400),
        }

    def order(self, now, shopper):
        self.orders += 1
        order = f"o{self.orders:09}"
        lines = [
            {"product": product, "quantity": quantity, "price_cents": 199 + product * 37 % 20_000}
            for product, quantity in sorted(shopper["cart"].items())
        ]
        total = sum(line["quantity"] * line["price_cents"] for line in lines)
        self.later(now, 3_000, lambda time: self.payment(time, shopper, order, total, 1))
        return {
            "type": "order",
            "time": now,
            "order": order,
            "customer": shopper["customer"],
            "session": shopper["session"],
            "country": shopper["country"],
            "lines": lines,
            "total_cents": total,
            "note": self.one_of(["", "", "", "leave at the door", "ring twice", "für Grüße: ☎"]),
        }

    def payment(self, now, shopper, order, total, attempt):
        paid = self.random() < 0.93
        if paid or attempt == 3:
            self.later(now, 60_000, self.arrive)
        else:
            again = attempt + 1
            self.later(now, 15_000, lambda time: self.payment(time, shopper, order, total, again))
        return {
            "type": "payment",
            "time": now,
            "order": order,
            "customer": shopper["customer"],
            "method": self.one_of(METHODS),
            "attempt": attempt,
            "amount_cents": total,
            "status": "paid" if paid else "refused",
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--bytes", type=int, help="end with the first event that reaches so many bytes")
    size.add_argument("--count", type=int, default=1000, help="number of events [default: %(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="[default: %(default)s]")
    parser.add_argument("--keys", action="store_true", help="put the customer and a tab before each event")
    parser.add_argument("--hash", metavar="FILE", help="write the SHA-256 of all output into a file")
    arguments = parser.parse_args()

    encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
    digest = hashlib.sha256()
    count = written = 0
    for event in Shop(arguments.seed).events():
        if arguments.bytes is not None:
            if written >= arguments.bytes:
                break
        elif count >= arguments.count:
            break
        line = encode(event) + "\n"
        if arguments.keys:
            line = f"{event['customer']}\t{line}"
        data = line.encode()
        digest.update(data)
        sys.stdout.buffer.write(data)
        count += 1
        written += len(data)
    sys.stdout.buffer.flush()
    if arguments.hash:
        with open(arguments.hash, "w", encoding="ascii") as file:
            file.write(f"{digest.hexdigest()} {count} {written}\n")


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(1)
