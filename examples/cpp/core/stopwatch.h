/// Where the time of an image goes, by stage.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace surgery {

enum class Stage { preprocess, backbone, decode, sample, refine, draw, other };

inline constexpr std::array<const char*, 6> kStageNames = {"preprocess", "backbone", "decode",
                                                           "sample",     "refine",   "draw"};

/// Charges time to one stage at a time. A stage that is entered from within another one interrupts
/// it, so that "decode" is what is left of the decoder without its sampling and its network.
class Stopwatch {
  public:
    /// Enters a stage for its own lifetime.
    class Scope {
      public:
        Scope(Stopwatch& watch, Stage stage) : watch_(watch), outer_(watch.enter(stage)) {}
        ~Scope() { watch_.enter(outer_); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

      private:
        Stopwatch& watch_;
        Stage outer_;
    };

    /// Milliseconds by stage so far, in the order of kStageNames.
    const std::array<double, kStageNames.size()>& milliseconds() const { return spent_; }

    void reset() { spent_.fill(0); }

  private:
    using Clock = std::chrono::steady_clock;

    Stage enter(Stage stage) {
        const Clock::time_point now = Clock::now();
        if (stage_ != Stage::other) {
            const std::chrono::duration<double, std::milli> passed = now - since_;
            spent_[static_cast<std::size_t>(stage_)] += passed.count();
        }
        since_ = now;
        const Stage outer = stage_;
        stage_ = stage;
        return outer;
    }

    std::array<double, kStageNames.size()> spent_{};
    Stage stage_ = Stage::other;
    Clock::time_point since_ = Clock::now();
};

}  // namespace surgery
