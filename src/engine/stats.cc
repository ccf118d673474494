#include "engine/stats.h"

#include <map>

#include "engine/list_prices.h"
#include "repo/commit_codec.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kListLimit = 1000;

std::string KindOf(const std::string& name) {
  return name == repo::kConfigCopyName ? repo::kConfigName : name.substr(0, name.find('/'));
}

Status CountObjects(store::Store& store, StatsReport* report, const CallContext& context) {
  std::map<std::string, KindStats> kinds;
  std::map<std::string, ClassStats> classes;
  std::string after;
  while (true) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_ASSIGN_OR_RETURN(store::ListPage page, store.List("", after, kListLimit, context));
    for (const store::ObjectInfo& info : page.objects) {
      after = info.name;
      KindStats& kind = kinds[KindOf(info.name)];
      ++kind.objects;
      kind.bytes += info.size;
      ClassStats& of_class = classes[info.storage_class.empty() ? "STANDARD" : info.storage_class];
      ++of_class.objects;
      of_class.bytes += info.size;
      ++report->objects;
      report->bytes += info.size;
    }
    if (!page.truncated || page.objects.empty()) break;
  }
  for (auto& [name, kind] : kinds) {
    kind.kind = name;
    report->kinds.push_back(std::move(kind));
  }
  for (auto& [name, of_class] : classes) {
    of_class.storage_class = name;
    if (report->priced) {
      of_class.dollars_per_month = StorageDollars(name, of_class.objects, of_class.bytes);
    }
    report->dollars_per_month += of_class.dollars_per_month;
    report->classes.push_back(std::move(of_class));
  }
  return Status::Ok();
}

}  // namespace

Result<StatsReport> CollectStats(repo::Repository& repository, bool priced,
                                 const CallContext& context) {
  StatsReport report;
  report.priced = priced;
  MB_ASSIGN_OR_RETURN(std::shared_ptr<const repo::State> state, repository.Refresh(context));
  MB_ASSIGN_OR_RETURN(
      repo::Liveness life,
      repo::ComputeLiveness(repository.store(), *state, repository.index_cache(), context));
  report.topics = SpaceByTopic(life);
  for (const TopicSpace& topic : report.topics) {
    report.live_bytes += topic.live_bytes;
    report.dead_bytes += topic.dead_bytes;
    report.records += topic.records;
  }
  report.snapshots = state->snapshots.size();
  for (const format::SnapshotRef& ref : state->snapshots) {
    report.snapshot_bytes += ref.stats().bytes();
  }
  report.condemned_objects = state->condemned.size();
  MB_RETURN_IF_ERROR(CountObjects(repository.store(), &report, context));
  report.head = repository.head();
  return report;
}

}  // namespace maxbrod::engine
