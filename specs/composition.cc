# One super-model on the fly from separately stored models: learned attention routes each input.
# Two lie in a store (--store DIR, or chunkc-store beside this file), one is an ONNX file beside it (models/shapes.onnx):
#   chunkc store add parts/edges.cc --weights edges.safetensors --as models/edges@v1; chunkc store alias models/edges@stable v1
# Each is loaded when the router first keeps it. Without them, written chunks stand in: --bind edges=specs/parts/edges.cc, and
# so for texture and shapes.
model composition(d: int = 64) {
  input image: f32[B, 3, 32, 32]

  chunk edges(image: f32[B, 3, 32, 32]) -> f32[B, d] = extern("models/edges@stable#encoder")
  chunk texture(image: f32[B, 3, 32, 32]) -> f32[B, d] = extern("models/texture@v2")
  chunk shapes(image: f32[B, 3, 32, 32]) -> f32[B, d]
    = extern("onnx:models/shapes.onnx")
    requires "onnxruntime>=1.20"

  router attend {
    score    = image |> conv2d(8, 3, stride=2) |> relu |> mean(H, W) |> linear(3)
    keep     = above(0.25)               # thresholding of the activation map
    fallback = all when coverage < 0.7   # too little weight kept: the full model, for that sample
  }
  memory {
    budget   = 256MiB
    evict    = lru
    prefetch = 1
  }

  fuse y = weighted_sum([edges(image), texture(image), shapes(image)], by=attend)
  output y
  output activation = attend.weight
}
