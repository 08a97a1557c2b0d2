"""SimGrid's side of `sharing_beside_simgrid.py`: a problem on standard input, times on output.

Needs nothing but SimGrid's Python module, 3.32 or 4.
"""

import json
import sys
import time

from simgrid import Actor, Comm, Engine, LinkInRoute, NetZone

FLUID = [  # plain max-min sharing: no latency, no cross traffic, no efficiency below 1
    "network/model:CM02",
    "network/TCP-gamma:0",
    "network/crosstraffic:0",
    "network/weight-S:0",
    "network/bandwidth-factor:1",
    "network/latency-factor:1",
]


def build(engine, problem):
    """Make the platform and return its hosts."""
    is_4 = hasattr(NetZone, "add_netzone_full")
    zone = engine.netzone_root.add_netzone_full("z") if is_4 else NetZone.create_full_zone("z")
    add_host = zone.add_host if is_4 else zone.create_host
    add_link = zone.add_link if is_4 else zone.create_link
    hosts = [add_host(f"h{number}", 1e9) for number in range(problem["hosts"])]
    links = []
    for number, capacity in enumerate(problem["capacities"]):
        link = add_link(f"l{number}", float(capacity))
        link.set_latency(0.0)
        link.seal()
        links.append(LinkInRoute(link))
    routes = {tuple(p): r for p, r in zip(problem["pairs"], problem["routes"], strict=True)}
    for (a, b), route in routes.items():
        crossed = [links[number] for number in route]
        if is_4:
            zone.add_route(hosts[a], hosts[b], crossed, False)
        else:
            zone.add_route(hosts[a].netpoint, hosts[b].netpoint, None, None, crossed, False)
    if not is_4:
        for host in hosts:
            host.seal()
    zone.seal()
    return hosts


def main():
    """Run the problem and print the CPU seconds of the run and the completion times."""
    problem = json.load(sys.stdin)
    engine = Engine(["peer", "--log=root.thres:error", *(f"--cfg={option}" for option in FLUID)])
    hosts = build(engine, problem)
    times = []

    def send_all():
        flows = [
            Comm.sendto_async(hosts[a], hosts[b], size)
            for (a, b), size in zip(problem["pairs"], problem["sizes"], strict=True)
        ]
        for flow in flows:
            flow.wait()
            times.append(flow.finish_time)

    if hasattr(hosts[0], "add_actor"):
        hosts[0].add_actor("main", send_all)
    else:
        Actor.create("main", hosts[0], send_all)
    began_s = time.process_time()
    engine.run()
    print(json.dumps({"cpu_s": time.process_time() - began_s, "times": times}))


if __name__ == "__main__":
    main()
