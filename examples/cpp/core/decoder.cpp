#include "decoder.h"

#include <algorithm>
#include <functional>
#include <map>

#include "e2ec.h"
#include "snake.h"
#include "text.h"
#include "top_down.h"

namespace surgery {

Tensor Decoding::refined(const Feeds& feeds, const std::string& wanted) {
    const Stopwatch::Scope scope(watch, Stage::refine);
    return std::move(refine->run(feeds, {wanted}).at(wanted));
}

void Decoding::keep(const std::string& name, const TensorView& array) {
    if (trace != nullptr) {
        (*trace)[name] = Tensor(array.shape, {array.data, array.data + array.size()});
    }
}

std::unique_ptr<Decoder> make_decoder(const Bundle& bundle, const nlohmann::json& threshold) {
    using Make = std::function<std::unique_ptr<Decoder>(const Field&)>;
    static const std::map<std::string, Make> kDecoders = {
        {"e2ec", [](const Field& field) { return std::make_unique<E2EC>(field); }},
        {"keypoints", [](const Field& field) { return std::make_unique<TopDown>(field); }},
        {"snake", [](const Field& field) { return std::make_unique<Snake>(field); }},
    };
    const auto found = kDecoders.find(bundle.decoder);
    if (found == kDecoders.end()) {
        std::vector<std::string> names;
        for (const auto& [name, make] : kDecoders) {
            names.push_back(name);
        }
        throw InputError("the bundle's decoder '" + bundle.decoder +
                         "' is not in this program, which has " + listed(names) +
                         ": use python -m postprocess");
    }
    nlohmann::json parameters = bundle.decoder_parameters;
    if (!threshold.is_null()) {
        parameters["threshold"] = threshold;
    }
    return found->second(Field(parameters, "bundle.json", "decoder"));
}

const TensorView& head(const Feeds& heads, const std::string& name) {
    const auto found = heads.find(name);
    if (found == heads.end()) {
        std::vector<std::string> names;
        for (const auto& [known, array] : heads) {
            names.push_back(known);
        }
        throw InputError("the decoder needs head '" + name + "', the backbone gives " +
                         listed(names));
    }
    return found->second;
}

}  // namespace surgery
