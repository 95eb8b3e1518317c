"""W8 and W9 by CPython's multiprocessing: the rows that brood_bench --python-shared takes over.

    python3 shared.py queue SIDES SIZE METRIC    SIDES processes put, and as many get
    python3 shared.py trip                       one item there and back through two queues
    python3 shared.py lock                       nobody else wants it; 2 and 4 do

The same works as those of works_queue.c and works_lock.c: all processes are ready before the first
item, and time counts from the first put until the last get. (It is not called queue.py: that
would stand in the way of the module of that name.)
"""
import multiprocessing
import sys
import time

SECONDS = 1.0  # that a queue should be measured, about
TRIPS = 2000
PAIRS = 200000
CONTENDED = 0.2

context = multiprocessing.get_context("fork")
now = time.monotonic_ns


def row(who, metric, value, unit):
    print(f"{who}\t{metric}\t{value:.6g}\t{unit}", flush=True)


class Stage:
    """Processes that begin together: time counts from the first of the first `starters` of them."""

    def __init__(self, targets, starters):
        self.starters = starters
        self.barrier = context.Barrier(len(targets) + 1)
        self.times = context.RawArray("q", 2 * len(targets))
        self.processes = [
            context.Process(target=self.run, args=(i, f, args)) for i, (f, *args) in enumerate(targets)
        ]
        for process in self.processes:
            process.start()

    def run(self, index, function, args):
        self.barrier.wait()
        self.times[2 * index] = now()
        function(*args)
        self.times[2 * index + 1] = now()

    def go(self):
        self.barrier.wait()

    def join(self):
        for process in self.processes:
            process.join()
            assert process.exitcode == 0
        return (max(self.times[1::2]) - min(self.times[0 : 2 * self.starters : 2])) / 1e9


def put_share(queue, count, item):
    for _ in range(count):
        queue.put(item)


def get_share(queue, count, item):
    for _ in range(count):
        got = queue.get()
    assert got == item


def queue_rate(sides, size, count):
    queue = context.Queue()
    item = b"x" * size
    puts = [(put_share, queue, count, item)] * sides
    gets = [(get_share, queue, count, item)] * sides
    stage = Stage(puts + gets, sides)
    stage.go()
    return count * sides / stage.join()


def work_queue(sides, size, metric):
    guess = queue_rate(sides, size, 2000 // sides)
    row("py.queue", metric, queue_rate(sides, size, int(guess * SECONDS) // sides), "items/s")


def send_back(there, back):
    while (item := there.get()) is not None:
        back.put(item)


def work_trip():
    there, back = context.Queue(), context.Queue()
    process = context.Process(target=send_back, args=(there, back))
    process.start()
    times = []
    for i in range(TRIPS + TRIPS // 10):
        start = now()
        there.put(i)
        assert back.get() == i
        times.append(now() - start)
    there.put(None)
    process.join()
    times = sorted(times[TRIPS // 10 :])
    row("py.queue", "W8.trip.p50", times[len(times) // 2] / 1e3, "us")
    row("py.queue", "W8.trip.p99", times[len(times) * 99 // 100] / 1e3, "us")


def contend(lock, index, holder, stop, acquired, handed):
    while not stop.value:
        with lock:
            acquired[index] += 1
            if holder.value != index:
                handed[index] += 1
                holder.value = index


def work_lock():
    lock = context.Lock()
    start = now()
    for _ in range(PAIRS):
        lock.acquire()
        lock.release()
    row("py.lock", "W9.free", (now() - start) / PAIRS, "ns")
    for count in 2, 4:
        holder, stop = context.RawValue("i", -1), context.RawValue("i", 0)
        acquired, handed = context.RawArray("q", count), context.RawArray("q", count)
        all_of_them = [(contend, lock, i, holder, stop, acquired, handed) for i in range(count)]
        stage = Stage(all_of_them, count)
        stage.go()
        time.sleep(CONTENDED)
        stop.value = 1
        seconds = stage.join()
        row("py.lock", f"W9.by{count}.acquired", sum(acquired) / seconds, "1/s")
        row("py.lock", f"W9.by{count}.handed", sum(handed) / seconds, "1/s")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "queue":
        work_queue(int(arguments[0]), int(arguments[1]), arguments[2])
    elif command == "trip":
        work_trip()
    elif command == "lock":
        work_lock()
    else:
        sys.exit(__doc__)
