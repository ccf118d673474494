// XML documents as S3 answers them, read by expat into a small tree.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod::aws {

struct XmlElement {
  std::string name;  // without a namespace's prefix
  std::string text;  // of this element alone, entities resolved, white space kept
  std::vector<XmlElement> children;

  // The first child of that name; null when there is none.
  const XmlElement* Child(std::string_view child) const;
  // The text of the first child of that name; empty when there is none.
  std::string_view Text(std::string_view child) const;
};

struct XmlLimits {
  size_t depth_max = 16;
  size_t elements_max = 50'000;
};

// kProtocol when it is not well-formed, holds a document type (entities of one's own), or goes
// beyond the limits. Memory is bounded by the input's size and the limits.
Result<XmlElement> ParseXml(ByteView document, const XmlLimits& limits = {});

// `text` with & < > " ' as entities, for documents that we send.
std::string XmlEscape(std::string_view text);
// `root` as a document in S3's namespace. Of elements with children the text is left out: white
// space between them.
std::string ToXmlDocument(const XmlElement& root);

}  // namespace maxbrod::aws
