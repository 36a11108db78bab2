# Soft mixture of experts (Puigcerver et al., 2024): experts work on slots, each a mixture of all tokens.
model soft_moe(d: int = 512, experts: int = 8, slots: int = 4) {
  input x: f32[B, T, d]
  param phi: f32[slots * experts, d]
  param scale: f32 = 1

  chunk expert[experts](h) { h |> linear(4 * d) |> gelu |> linear(d) }

  logits = l2_norm(x) |> linear(scale * l2_norm(phi))
  dispatch = softmax(logits, T)
  combine = softmax(logits)

  mixed = einsum(dispatch, x, equation="bts,btd->bsd") |> reshape([B, slots, experts, d])
  done = expert(unstack(mixed, 2)) |> stack(axis=-2) |> reshape([B, slots * experts, d])
  output y = matmul(combine, done)
}
