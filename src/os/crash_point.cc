#include "os/crash_point.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace maxbrod {
namespace {

struct CrashPlan {
  std::string name;
  int times = 1;  // pass this often, die the last time
};

CrashPlan ReadPlan() {
  CrashPlan plan;
  const char* value = std::getenv("MAXBROD_CRASH_AT");  // NOLINT(concurrency-mt-unsafe): read once
  if (value == nullptr) return plan;
  plan.name = value;
  size_t colon = plan.name.rfind(':');
  if (colon != std::string::npos) {
    plan.times = std::atoi(plan.name.c_str() + colon + 1);
    plan.name.resize(colon);
  }
  return plan;
}

}  // namespace

void CrashPoint(const char* name) {
  static const CrashPlan plan = ReadPlan();
  if (plan.name.empty() || plan.name != name) return;
  static std::atomic<int> passed{0};
  if (++passed >= plan.times) _exit(kCrashExitCode);
}

}  // namespace maxbrod
