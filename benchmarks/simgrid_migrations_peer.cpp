// SimGrid's side of migrations_beside_simgrid.py: a problem on standard input, results on output.
//
// Input: hosts, links, migrations; the capacity of each link in byte/s; then, for each migration,
// source, target, memory in MiB, speed in MiB/s, dirty share of that speed in percent, number of
// links and the links. No two migrations have the same source and target.
// Output: the CPU and wall seconds of making the VMs and running, and peak MiB; then a line per VM:
// its number, total time, downtime.
//
// Build with: g++ -O2 -std=c++17 simgrid_migrations_peer.cpp -lsimgrid  (Debian's libsimgrid-dev)

#include <simgrid/plugins/live_migration.h>
#include <simgrid/s4u.hpp>
#include <simgrid/s4u/VirtualMachine.hpp>

#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sg = simgrid::s4u;

struct Wanted {
  int source, target, ram_mib, speed_mib_s, dirty_percent;
  std::vector<int> route;
};

struct Problem {
  int hosts = 0;
  std::vector<double> capacities;
  std::vector<Wanted> migrations;
};

static Problem read_problem()
{
  Problem problem;
  size_t links, count;
  std::cin >> problem.hosts >> links >> count;
  problem.capacities.resize(links);
  problem.migrations.resize(count);
  for (double& capacity : problem.capacities)
    std::cin >> capacity;
  for (Wanted& each : problem.migrations) {
    size_t hops;
    std::cin >> each.source >> each.target >> each.ram_mib >> each.speed_mib_s >> each.dirty_percent >> hops;
    each.route.resize(hops);
    for (int& link : each.route)
      std::cin >> link;
  }
  return problem;
}

static void add_route(sg::NetZone* zone, sg::Host* source, sg::Host* target, const std::vector<sg::LinkInRoute>& links)
{
  zone->add_route(source->get_netpoint(), target->get_netpoint(), nullptr, nullptr, links, false);
}

static std::vector<sg::Host*> build(const Problem& problem)
{
  auto* zone = sg::create_full_zone("zone");
  std::vector<sg::Host*> hosts;
  for (int number = 0; number < problem.hosts; number++)
    hosts.push_back(zone->create_host("host" + std::to_string(number), 1e9)->set_core_count(256)->seal());
  std::vector<sg::LinkInRoute> links;
  for (size_t number = 0; number < problem.capacities.size(); number++) {
    auto* link = zone->create_link("link" + std::to_string(number), problem.capacities[number]);
    links.emplace_back(link->set_latency(0)->seal());
  }
  std::set<std::pair<int, int>> routed;
  for (const Wanted& each : problem.migrations) {
    std::vector<sg::LinkInRoute> crossed;
    for (int link : each.route)
      crossed.push_back(links[link]);
    add_route(zone, hosts[each.source], hosts[each.target], crossed);
    routed.emplace(each.source, each.target);
  }
  // the plug-in's empty acknowledgements need a way back, too
  const sg::LinkInRoute back(zone->create_link("back", 1e15)->set_latency(0)->seal());
  for (const Wanted& each : problem.migrations)
    if (routed.emplace(each.target, each.source).second)
      add_route(zone, hosts[each.target], hosts[each.source], {back});
  zone->seal();
  return hosts;
}

static void stay_busy()
{
  while (true)
    sg::this_actor::execute(1e13); // in pieces, so that no flops are lost to rounding
}

static double peak_mib()
{
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      status >> word;
      return std::stod(word) / 1024;
    }
  return NAN;
}

int main(int argc, char** argv)
{
  sg::Engine engine(&argc, argv);
  sg_vm_live_migration_plugin_init();
  const Problem problem = read_problem();
  const auto hosts = build(problem);
  const size_t count = problem.migrations.size();
  std::vector<double> totals(count), downtimes(count);
  std::unordered_map<std::string, double> paused;
  std::unordered_map<std::string, size_t> number_of;
  sg::VirtualMachine::on_suspend_cb([&](const sg::VirtualMachine& vm) { paused[vm.get_name()] = sg::Engine::get_clock(); });
  sg::VirtualMachine::on_resume_cb([&](const sg::VirtualMachine& vm) {
    downtimes[number_of[vm.get_name()]] = sg::Engine::get_clock() - paused[vm.get_name()];
  });

  const auto wall = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  std::vector<sg::VirtualMachine*> vms;
  size_t done = 0;
  for (size_t number = 0; number < count; number++) {
    const Wanted& each = problem.migrations[number];
    const std::string name = "vm" + std::to_string(number);
    number_of[name] = number;
    auto* vm = sg_vm_create_migratable(hosts[each.source], name.c_str(), 1, each.ram_mib, each.speed_mib_s,
                                       each.dirty_percent);
    vm->start();
    vms.push_back(vm);
    sg::Actor::create("work" + name, vm, stay_busy);
    sg::Actor::create("move" + name, hosts[each.source], [&, vm, number, target = hosts[each.target]] {
      sg_vm_migrate(vm, target);
      totals[number] = sg::Engine::get_clock();
      if (++done == count)
        for (auto* each_vm : vms)
          each_vm->destroy();
    });
  }
  engine.run();
  const std::chrono::duration<double> wall_s = std::chrono::steady_clock::now() - wall;
  std::cout << std::setprecision(15) << double(std::clock() - cpu) / CLOCKS_PER_SEC << ' ' << wall_s.count() << ' '
            << peak_mib() << '\n';
  for (size_t number = 0; number < count; number++)
    std::cout << number << ' ' << totals[number] << ' ' << downtimes[number] << '\n';
}
