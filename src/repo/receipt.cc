#include "repo/receipt.h"

#include <fmt/format.h>

#include <charconv>

#include "repo/commit_codec.h"

namespace maxbrod::repo {
namespace {

constexpr std::string_view kHead = "head=";

Status SetBack(std::string message) {
  return Status(Code::kConflict, std::move(message))
      .WithHint(
          "newer commits were removed, or an older copy was put in the repository's place; if "
          "that was done on purpose, see 'Receipts' in docs/security.md");
}

Status Another(const Receipt& receipt) {
  return SetBack(fmt::format("commit {} is not the one of the receipt", receipt.sequence.value()));
}

}  // namespace

Result<Receipt> ParseReceipt(const std::string& text) {
  std::string_view left = text;
  if (left.starts_with(kHead)) left.remove_prefix(kHead.size());
  size_t colon = left.find(':');
  Receipt receipt;
  uint64_t sequence = 0;
  if (colon != std::string_view::npos) {
    auto [end, error] = std::from_chars(left.data(), left.data() + colon, sequence);
    Bytes hash;
    if (error == std::errc() && end == left.data() + colon &&
        FromHex(left.substr(colon + 1), &hash) && hash.size() == (sequence == 0 ? 0 : 32)) {
      receipt.sequence = Sequence(sequence);
      receipt.sha256 = ToString(hash);
      return receipt;
    }
  }
  return Status(Code::kInvalidArgument, "'" + text + "' is no receipt")
      .WithHint("give it as a run printed it: head=<number>:<64 hex digits>");
}

Status CheckReceipt(Repository& repository, const Receipt& receipt, const CallContext& context) {
  Receipt head = repository.head();
  if (receipt.sequence == Sequence()) return Status::Ok();
  if (head.sequence < receipt.sequence) {
    return SetBack(fmt::format("the log ends with commit {}, the receipt is for commit {}",
                               head.sequence.value(), receipt.sequence.value()));
  }
  if (head.sequence == receipt.sequence) {
    return head.sha256 == receipt.sha256 ? Status::Ok() : Another(receipt);
  }
  if (receipt.sequence.value() < repository.state()->log_floor) return Status::Ok();
  const std::string& config = repository.log().config().sha256;
  // What follows the commit names its hash, and is itself part of the chain that was read.
  auto next = ReadCommit(repository.store(), receipt.sequence.Next(), config, context);
  if (!next.ok()) {
    // Trimmed while we looked.
    return next.status().code() == Code::kNotFound ? Status::Ok() : next.status();
  }
  return next->header().previous_sha256() == receipt.sha256 ? Status::Ok() : Another(receipt);
}

}  // namespace maxbrod::repo
