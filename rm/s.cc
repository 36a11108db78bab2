model served(d: int = 8) {
  input x: f32[B, d]
  chunk a(x) { x |> linear(d) } from "models/a@stable"
  chunk c(x) { x |> linear(d) }
  router r { score = x |> linear(2)  keep = top(2) }
  memory { on_missing = skip }
  fuse y = weighted_sum([a(x), c(x)], by=r)
  output y
}
