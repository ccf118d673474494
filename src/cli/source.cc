#include "cli/source.h"

#include "cli/progress_printer.h"

namespace maxbrod::cli {

Result<engine::RestoreSource> FindSource(repo::Repository& repository, const std::string& text,
                                         const std::vector<std::string>& topic_ids,
                                         const engine::ThawOptions& thaw, const std::string& reader,
                                         engine::Progress& progress, const Globals& globals) {
  ProgressPrinter printer(progress, globals);
  const engine::ColdReading reading{thaw, reader, Clock::System(), progress};
  MB_ASSIGN_OR_RETURN(
      engine::RestoreSource source,
      engine::FindRestoreSource(repository, text, topic_ids, reading, globals.context()));
  for (const std::string& note : source.notes) progress.Note(note);
  for (const std::string& warning : source.warnings) progress.Warn(warning);
  return source;
}

}  // namespace maxbrod::cli
