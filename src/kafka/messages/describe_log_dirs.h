// DescribeLogDirs (API 35, KIP-113): replicas and their sizes on one broker's disks.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeLogDirsResponse;

struct DescribeLogDirsRequest {
  using Response = DescribeLogDirsResponse;
  static constexpr ApiInfo kApi{"DescribeLogDirs", 35, 1, 4, 2};

  struct Topic {
    std::string topic;
    std::vector<int32_t> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::topic, "topic");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  std::optional<std::vector<Topic>> topics = std::vector<Topic>();  // null: all

  bool operator==(const DescribeLogDirsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeLogDirsRequest::topics, "topics", Always().Nullable());
  }
};

struct DescribeLogDirsResponse {
  static constexpr ApiInfo kApi{"DescribeLogDirs", 35, 1, 4, 2};

  struct Partition {
    int32_t partition_index = 0;
    int64_t partition_size = 0;
    int64_t offset_lag = 0;  // how far a future replica is behind
    bool is_future_key = false;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::partition_size, "partition_size");
      v.Field(s, &Partition::offset_lag, "offset_lag");
      v.Field(s, &Partition::is_future_key, "is_future_key");
    }
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  struct LogDir {
    int16_t error_code = 0;
    std::string log_dir;
    std::vector<Topic> topics;
    int64_t total_bytes = -1;   // -1: unknown (KIP-827)
    int64_t usable_bytes = -1;  // -1: unknown

    bool operator==(const LogDir&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &LogDir::error_code, "error_code");
      v.Field(s, &LogDir::log_dir, "log_dir");
      v.Field(s, &LogDir::topics, "topics");
      v.Field(s, &LogDir::total_bytes, "total_bytes", Since(4).Ignorable());
      v.Field(s, &LogDir::usable_bytes, "usable_bytes", Since(4).Ignorable());
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<LogDir> results;

  bool operator==(const DescribeLogDirsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeLogDirsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeLogDirsResponse::error_code, "error_code", Since(3).Ignorable());
    v.Field(s, &DescribeLogDirsResponse::results, "results");
  }
};

}  // namespace maxbrod::kafka
