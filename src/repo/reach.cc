#include "repo/reach.h"

#include "repo/commit_codec.h"
#include "repo/content_object.h"
#include "repo/pack_writer.h"
#include "repo/snapshot_codec.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

Status AddManifest(store::Store& store, const format::ObjectRef& ref, IndexCache& cache,
                   std::set<std::string>* objects, const CallContext& context) {
  if (!objects->insert(ManifestName(ref)).second) return Status::Ok();
  MB_RETURN_IF_ERROR(context.Check());
  MB_ASSIGN_OR_RETURN(auto manifest, cache.Manifest(store, ref, context));
  for (const format::PackRef& pack : manifest->packs) objects->insert(PackName(pack));
  return Status::Ok();
}

}  // namespace

Status AddSnapshotObjects(store::Store& store, const format::SnapshotRef& ref, IndexCache& cache,
                          std::set<std::string>* objects, const CallContext& context) {
  objects->insert(SnapshotObjectName(ref.object()));
  MB_ASSIGN_OR_RETURN(Bytes stored, GetContentObject(store, "snapshot", ref.object(), context));
  MB_ASSIGN_OR_RETURN(SnapshotContents contents,
                      DecodeSnapshot(SnapshotObjectName(ref.object()), stored, KeysOf(store)));
  for (const format::TopicSnapshot& topic : contents.topics) {
    for (const format::ObjectRef& manifest : topic.manifests()) {
      MB_RETURN_IF_ERROR(AddManifest(store, manifest, cache, objects, context));
    }
  }
  return Status::Ok();
}

Result<std::set<std::string>> ReachableObjects(store::Store& store, const State& state,
                                               IndexCache& cache, const CallContext& context) {
  std::set<std::string> objects;
  for (const format::LoosePack& loose : state.loose_packs) objects.insert(PackName(loose.pack()));
  for (const auto& [key, topic] : state.topics) {
    for (const format::ObjectRef& ref : topic->manifests) {
      MB_RETURN_IF_ERROR(AddManifest(store, ref, cache, &objects, context));
    }
  }
  for (const format::SnapshotRef& ref : state.snapshots) {
    MB_RETURN_IF_ERROR(AddSnapshotObjects(store, ref, cache, &objects, context));
  }
  for (const auto& [id, restore] : state.restores) {
    for (const format::ObjectRef& ref : restore.offset_maps()) objects.insert(OffsetMapName(ref));
  }
  return objects;
}

}  // namespace maxbrod::repo
