# Neutral elements, done and undone, constants moved right; what two constants give is for `fold-constants`.
core numbers {training = false} {
  %x = input "x" : f32[B, 4]
  %i = input "i" : i64[B]
  %one = const {value = 1.0} : f32[]
  %half = const {value = 0.5} : f32[]
  %zero = const {value = 0.0} : f32[]
  %2 = const {value = 2} : i64[]
  %3 = const {value = 3} : i64[]
  %a = op mul (%one, %x) : f32[B, 4]
  %b = op sub (%a, %zero) : f32[B, 4]
  %c = op neg (%b) : f32[B, 4]
  %d = op neg (%c) : f32[B, 4]
  %quarter = op mul (%half, %half) : f32[]
  %e = op lt (%quarter, %d) : bool[B, 4]
  %f = op not (%e) : bool[B, 4]
  %g = op where (%f, %x, %quarter) : f32[B, 4]
  %j = op add (%i, %2) : i64[B]
  %k = op add (%3, %j) : i64[B]
  output "y" = %g
  output "k" = %k
}
# ---
core numbers {training = false} {
  %x = input "x" : f32[B, 4]
  %i = input "i" : i64[B]
  %half = const {value = 0.5} : f32[]
  %quarter = op mul (%half, %half) : f32[]
  %e = op lt (%quarter, %x) : bool[B, 4]
  %g = op where (%e, %quarter, %x) : f32[B, 4]
  %6 = const {value = 5} : i64[]
  %k = op add (%i, %6) : i64[B]
  output "y" = %g
  output "k" = %k
}
