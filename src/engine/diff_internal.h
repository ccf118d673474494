// Inside of diff*.cc: what its themes share.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/diff.h"

namespace maxbrod::engine {

// A topic that both sides have.
struct DiffPair {
  const format::TopicSnapshot* a = nullptr;
  const format::TopicSnapshot* b = nullptr;
  bool made_anew = false;  // another topic under the same name
};

class Differ {
 public:
  Differ(const repo::Snapshot& a, const repo::Snapshot& b, bool b_is_live,
         const DiffOptions& options)
      : a_(a), b_(b), live_(b_is_live), options_(options) {}
  DiffReport Run();

 private:
  bool Wanted(DiffArea area) const;
  void Add(DiffArea area, DiffChange change, std::string object, std::string what,
           std::string before, std::string after, std::string note = "");
  // Compares two texts; adds nothing when they are the same.
  void Compare(DiffArea area, const std::string& object, const std::string& what,
               const std::string& before, const std::string& after);
  // Of two maps from a name to a text: what is added, removed and changed. `object` of each entry
  // is that name with `prefix` before it.
  void CompareMaps(DiffArea area, const std::string& prefix,
                   const std::map<std::string, std::string>& before,
                   const std::map<std::string, std::string>& after);

  // diff.cc
  void MatchTopics();
  void CompareTopics();
  void CompareTopicConfigs();
  void CompareConfigs(DiffArea area, const std::string& object,
                      const google::protobuf::RepeatedPtrField<format::ConfigEntry>& before,
                      const google::protobuf::RepeatedPtrField<format::ConfigEntry>& after);
  bool Selected(const format::TopicSnapshot& topic) const;
  // diff_data.cc
  void CompareData();
  void ComparePartition(const DiffPair& topic, const format::PartitionSnapshot& before,
                        const format::PartitionSnapshot& after);
  void CompareHistory(const DiffPair& topic, const format::PartitionSnapshot& before,
                      const format::PartitionSnapshot& after);
  void CompareGroups();
  void CompareGroup(const format::GroupSnapshot& before, const format::GroupSnapshot& after);
  bool SelectedGroup(const std::string& group) const;
  // Whether offsets of this topic (by the second side's name) are compared.
  bool OffsetsCompared(const std::string& topic) const;
  // diff_metadata.cc
  void CompareMetadata();
  bool MetadataKnown(const char* part, DiffArea area);
  // Of things that have named parts, each with a text.
  using NamedParts = std::map<std::string, std::map<std::string, std::string>>;
  void CompareParts(DiffArea area, const NamedParts& before, const NamedParts& after);
  void CompareAcls();
  void CompareQuotas();
  void CompareUsers();
  void CompareCluster();
  // diff_schemas.cc
  void CompareSchemas();

  const repo::Snapshot& a_;
  const repo::Snapshot& b_;
  const bool live_;
  const DiffOptions& options_;
  std::map<std::string, DiffPair> both_;  // by the second side's name
  std::vector<const format::TopicSnapshot*> only_a_, only_b_;
  std::map<std::string, std::string> renamed_;  // first side's name -> second's, of all topics
  DiffReport report_;
};

// "1,204".
std::string WithCommas(uint64_t count);

}  // namespace maxbrod::engine
