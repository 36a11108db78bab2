# Arithmetic whose result is exact in the dtype: it is what every backend would have computed.
core numbers {training = false} {
  %x = input "x" : f32[B, 4]
  %i = input "i" : i64[B]
  %half = const {value = 0.5} : f32[]
  %two = const {value = 2.0} : f32[]
  %5 = const {value = 5} : i64[]
  %3 = const {value = 3} : i64[]
  %quarter = op mul (%half, %half) : f32[]
  %eight = op div (%two, %quarter) : f32[]
  %half.64 = op cast (%half) {dtype = f64} : f64[]
  %most = op maximum (%eight, %half) : f32[]
  %less = op lt (%half, %two) : bool[]
  %chosen = op where (%less, %most, %half) : f32[]
  %a = op mul (%x, %chosen) : f32[B, 4]
  %rest = op mod (%5, %3) : i64[]
  %j = op add (%i, %rest) : i64[B]
  %16 = op exp (%half) : f32[]
  %y = op mul (%a, %16) : f32[B, 4]
  output "y" = %y
  output "j" = %j
  output "half" = %half.64
}
# ---
core numbers {training = false} {
  %x = input "x" : f32[B, 4]
  %i = input "i" : i64[B]
  %half = const {value = 0.5} : f32[]
  %half.64 = const {value = 0.5} : f64[]
  %chosen = const {value = 8.0} : f32[]
  %a = op mul (%x, %chosen) : f32[B, 4]
  %rest = const {value = 2} : i64[]
  %j = op add (%i, %rest) : i64[B]
  %8 = op exp (%half) : f32[]
  %y = op mul (%a, %8) : f32[B, 4]
  output "y" = %y
  output "j" = %j
  output "half" = %half.64
}
